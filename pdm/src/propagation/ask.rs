//! One question to one server.
//!
//! Every question has a random id and leaves from a random port; a reply counts only if it comes from the server asked, bears
//! the id and repeats the question (RFC 5452). UDP sockets are connected, so the kernel drops what others send, and a closed
//! port is an error at once instead of silence.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, Record, RecordType};
use pdm_registrar::DomainName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::filter::AddressFilter;

/// What we tell servers to send over UDP at most (DNS Flag Day 2020): such packets are not fragmented.
const PAYLOAD: u16 = 1232;
/// Room for servers that send more than they were told.
const RECEIVE_BUFFER: usize = 4096;

/// How questions are asked.
#[derive(Debug, Clone)]
pub struct AskSettings {
    /// How long one question may take over all its packets, the repetition over TCP included. Waiting for a free place is not
    /// counted.
    pub try_timeout: Duration,
    /// How many times the question is sent over UDP within that time, evenly spread. At least 1.
    pub packets: u32,
    /// How many questions may be open at a time, at least 1. More only looks like silence of the servers: our own queue grows.
    pub concurrency: usize,
    /// Whom we may ask.
    pub filter: AddressFilter,
}

impl Default for AskSettings {
    /// 1.5 s, two packets, 64 questions at a time, globally reachable addresses at port 53.
    fn default() -> Self {
        Self {
            try_timeout: Duration::from_millis(1500),
            packets: 2,
            concurrency: 64,
            filter: AddressFilter {
                allow_non_global: false,
                own_networks: Vec::new(),
                port: 53,
            },
        }
    }
}

/// What carries a question and its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// RFC 1035 section 4.2.1, with EDNS (RFC 6891).
    Udp,
    /// RFC 7766.
    Tcp,
}

/// Which transports a question may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// UDP, and TCP where the reply is truncated.
    UdpThenTcp,
    /// This one alone; over UDP a truncated reply is returned as it is.
    Only(Transport),
}

/// Why there is no answer. A reply with an error code is an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The address filter forbids to ask there.
    #[error("the address is not one that may be asked")]
    Forbidden,
    /// Nothing came in time.
    #[error("no answer")]
    Silent,
    /// The network or the host refuses.
    #[error("cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
    /// What came is no DNS message, or not a reply to the question.
    #[error("the reply is malformed or does not belong to the question")]
    Malformed,
}

impl From<io::Error> for AskError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Malformed,
            kind => Self::Unreachable(kind),
        }
    }
}

/// A reply to exactly the question asked. It has records of class IN only.
#[derive(Debug)]
pub struct Answer {
    /// Who answered.
    pub server: SocketAddr,
    /// What carried the reply.
    pub transport: Transport,
    /// From the first packet to the reply.
    pub elapsed: Duration,
    message: Message,
}

impl Answer {
    /// The response code, with the high bits of EDNS.
    pub fn rcode(&self) -> ResponseCode {
        self.message.metadata.response_code
    }

    /// AA: the server says that it is authoritative for the name.
    pub fn aa(&self) -> bool {
        self.message.metadata.authoritative
    }

    /// TC: the reply is not whole. Possible only where UDP alone was asked for.
    pub fn tc(&self) -> bool {
        self.message.metadata.truncation
    }

    /// The answer section.
    pub fn answers(&self) -> &[Record] {
        &self.message.answers
    }

    /// The authority section.
    pub fn authorities(&self) -> &[Record] {
        &self.message.authorities
    }

    /// The additional section, without the OPT record.
    pub fn additionals(&self) -> &[Record] {
        &self.message.additionals
    }

    /// The answer section, for keeping.
    pub(super) fn into_answers(self) -> Vec<Record> {
        self.message.answers
    }
}

/// Asks servers, a limited number at a time. Shared by all who ask.
#[derive(Debug)]
pub struct Asker {
    settings: AskSettings,
    places: Semaphore,
}

impl Asker {
    /// An asker with no question open.
    pub fn new(settings: AskSettings) -> Self {
        let places = Semaphore::new(settings.concurrency.max(1));
        Self { settings, places }
    }

    /// Asks `server` once: RD and DO clear, so no server has to sign what is only compared.
    pub async fn ask(
        &self,
        server: SocketAddr,
        over: Over,
        name: &DomainName,
        rtype: RecordType,
    ) -> Result<Answer, AskError> {
        self.ask_name(server, over, &wire_name(name.as_str()), rtype)
            .await
    }

    /// As [`Self::ask`], for names that need not be domain names.
    pub(super) async fn ask_name(
        &self,
        server: SocketAddr,
        over: Over,
        name: &Name,
        rtype: RecordType,
    ) -> Result<Answer, AskError> {
        let ask = || Question::new(name, rtype, false);
        self.timed(server, over, Duration::MAX, ask).await.1
    }

    /// Asks for several types at one name over one TCP connection (RFC 7766 section 6.2.1.1). Any that is not answered
    /// fails all.
    pub async fn ask_over_tcp<const N: usize>(
        &self,
        server: SocketAddr,
        name: &DomainName,
        rtypes: [RecordType; N],
    ) -> Result<[Answer; N], AskError> {
        if !self.settings.filter.allows(server) {
            return Err(AskError::Forbidden);
        }
        let _place = self.places.acquire().await.expect("nobody closes the semaphore");
        let start = Instant::now();
        let name = wire_name(name.as_str());
        let questions = rtypes.map(|rtype| Question::new(&name, rtype, false));
        let replies = within(start + self.settings.try_timeout, over_tcp(server, &questions)).await?;
        let elapsed = start.elapsed();
        Ok(replies.map(|message| Answer {
            server,
            transport: Transport::Tcp,
            elapsed,
            message,
        }))
    }

    /// As [`Self::ask_name`] with DO set, within `limit` where that is shorter than the setting; also says how long it
    /// took, which is known for failures, too.
    pub(super) async fn ask_timed(
        &self,
        server: SocketAddr,
        over: Over,
        name: &Name,
        rtype: RecordType,
        limit: Duration,
    ) -> (Duration, Result<Answer, AskError>) {
        let ask = || Question::new(name, rtype, true);
        self.timed(server, over, limit, ask).await
    }

    async fn timed<'n>(
        &self,
        server: SocketAddr,
        over: Over,
        limit: Duration,
        ask: impl Fn() -> Question<'n>,
    ) -> (Duration, Result<Answer, AskError>) {
        if !self.settings.filter.allows(server) {
            return (Duration::ZERO, Err(AskError::Forbidden));
        }
        let _place = self.places.acquire().await.expect("nobody closes the semaphore");
        let start = Instant::now();
        let limit = limit.min(self.settings.try_timeout);
        let reply = self.exchange(server, over, start, limit, ask).await;
        let elapsed = start.elapsed();
        (
            elapsed,
            reply.map(|(transport, message)| Answer {
                server,
                transport,
                elapsed,
                message,
            }),
        )
    }

    async fn exchange<'n>(
        &self,
        server: SocketAddr,
        over: Over,
        start: Instant,
        limit: Duration,
        ask: impl Fn() -> Question<'n>,
    ) -> Result<(Transport, Message), AskError> {
        if over != Over::Only(Transport::Tcp) {
            let message = self.over_udp(server, &ask(), start, limit).await?;
            if !message.metadata.truncation || over == Over::Only(Transport::Udp) {
                return Ok((Transport::Udp, message));
            }
        }
        let question = [ask()];
        let [message] = within(start + limit, over_tcp(server, &question)).await?;
        Ok((Transport::Tcp, message))
    }

    async fn over_udp(
        &self,
        server: SocketAddr,
        question: &Question<'_>,
        start: Instant,
        limit: Duration,
    ) -> Result<Message, AskError> {
        let any: SocketAddr = if server.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(server).await?;
        let packets = self.settings.packets.max(1);
        let mut strange = false;
        for packet in 1..=packets {
            socket.send(&question.wire).await?;
            let next = start + limit * packet / packets;
            match within(next, question.reply_from(&socket, &mut strange)).await {
                Err(AskError::Silent) => {}
                outcome => return outcome,
            }
        }
        Err(if strange {
            AskError::Malformed
        } else {
            AskError::Silent
        })
    }
}

/// Sends all questions at once; the replies may come in any order.
async fn over_tcp<const N: usize>(
    server: SocketAddr,
    questions: &[Question<'_>; N],
) -> Result<[Message; N], AskError> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let mut wire = Vec::new();
    for question in questions {
        let length = u16::try_from(question.wire.len()).expect("a question is shorter than 64 KiB");
        wire.extend(length.to_be_bytes());
        wire.extend(&question.wire);
    }
    stream.write_all(&wire).await?;
    let mut replies = [const { None }; N];
    while replies.iter().any(Option::is_none) {
        let length = stream.read_u16().await?;
        let mut bytes = vec![0; length.into()];
        stream.read_exact(&mut bytes).await?;
        let (index, message) = questions
            .iter()
            .enumerate()
            .find_map(|(index, question)| Some((index, question.read(&bytes)?)))
            .ok_or(AskError::Malformed)?;
        replies[index] = Some(message);
    }
    Ok(replies.map(|reply| reply.expect("the loop ends when all are there")))
}

async fn within<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, AskError>>,
) -> Result<T, AskError> {
    timeout_at(deadline, work).await.unwrap_or(Err(AskError::Silent))
}

struct Question<'a> {
    id: u16,
    name: &'a Name,
    rtype: RecordType,
    wire: Vec<u8>,
}

impl<'a> Question<'a> {
    /// With an id of its own, also for the repetition over TCP.
    fn new(name: &'a Name, rtype: RecordType, dnssec_ok: bool) -> Self {
        let mut message = Message::query();
        message.add_query(Query::query(name.clone(), rtype));
        let mut edns = Edns::new();
        edns.set_dnssec_ok(dnssec_ok).set_max_payload(PAYLOAD);
        message.set_edns(edns);
        let wire = message.to_vec().expect("a question of one name can be written");
        Self {
            id: message.metadata.id,
            name,
            rtype,
            wire,
        }
    }

    /// Waits for the reply; `strange` tells whether something else came before.
    async fn reply_from(&self, socket: &UdpSocket, strange: &mut bool) -> Result<Message, AskError> {
        let mut buffer = vec![0; RECEIVE_BUFFER];
        loop {
            let length = socket.recv(&mut buffer).await?;
            match self.read(&buffer[..length]) {
                Some(message) => return Ok(message),
                // Another reply may be the right one: giving up here would let a forger silence the server.
                None => *strange = true,
            }
        }
    }

    /// The message, if it is a reply to this question.
    fn read(&self, bytes: &[u8]) -> Option<Message> {
        if bytes.get(..2) != Some(&self.id.to_be_bytes()) {
            return None;
        }
        let mut message = Message::from_vec(bytes).ok()?;
        let ours = |query: &Query| {
            query.name() == self.name
                && query.query_type() == self.rtype
                && query.query_class() == DNSClass::IN
        };
        let echoed = match &message.queries[..] {
            [query] => ours(query),
            // Servers that could not read the question have nothing to repeat (RFC 1035 section 4.1.1, FORMERR).
            [] => !matches!(
                message.metadata.response_code,
                ResponseCode::NoError | ResponseCode::NXDomain
            ),
            _ => false,
        };
        let reply = message.metadata.message_type == MessageType::Response
            && message.metadata.op_code == OpCode::Query;
        if !(echoed && reply) {
            return None;
        }
        for section in [
            &mut message.answers,
            &mut message.authorities,
            &mut message.additionals,
        ] {
            section.retain(|record| record.dns_class == DNSClass::IN);
        }
        Some(message)
    }
}

/// A canonical name as the DNS library has it. Must be one of our parsed names.
pub(super) fn wire_name(canonical: &str) -> Name {
    Name::from_ascii(format!("{canonical}.")).expect("our names are names of the DNS, and have no escapes")
}

/// A name as our types have it: lower case, no dot at the end.
pub(super) fn text(name: &Name) -> String {
    let mut text = name.to_lowercase().to_ascii();
    if text.len() > 1 && text.ends_with('.') {
        text.pop();
    }
    text
}
