//! A name server that asks a real one and changes what it says.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name, RecordType};

/// What to make of a reply. The first argument is the real server, for whatever else it may be asked.
pub type Forgery = fn(&Upstream, Message) -> Message;

/// The real server behind a forger.
pub struct Upstream(SocketAddr);

impl Upstream {
    /// Its reply to a question with DO.
    pub fn ask(&self, name: &str, rtype: RecordType) -> Message {
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii(name).expect("a name"), rtype));
        let mut edns = Edns::new();
        edns.set_dnssec_ok(true).set_max_payload(4096);
        question.set_edns(edns);
        let reply = self
            .forward(&question.to_vec().expect("a question"))
            .expect("the real server answers");
        Message::from_vec(&reply).expect("a message")
    }

    fn forward(&self, question: &[u8]) -> Result<Vec<u8>> {
        let socket = UdpSocket::bind(("0.0.0.0", 0))?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        socket.send_to(question, self.0)?;
        let mut buffer = vec![0; 4096];
        let length = socket.recv(&mut buffer)?;
        buffer.truncate(length);
        Ok(buffer)
    }
}

/// A running forger, over UDP alone.
pub struct Forger {
    work: Arc<Mutex<(SocketAddr, Forgery)>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forger {
    pub fn start(address: SocketAddr, upstream: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        // Only so that the end is noticed.
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let work = Arc::new(Mutex::new((upstream, honest as Forgery)));
        let end = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (work, end) = (Arc::clone(&work), Arc::clone(&end));
            move || {
                let mut buffer = vec![0; 4096];
                while !end.load(Ordering::Relaxed) {
                    let Ok((length, client)) = socket.recv_from(&mut buffer) else {
                        continue;
                    };
                    let (upstream, forgery) = *work.lock().expect("nothing panics while it holds the work");
                    let upstream = Upstream(upstream);
                    let reply = upstream
                        .forward(&buffer[..length])
                        .ok()
                        .and_then(|reply| Message::from_vec(&reply).ok());
                    let Some(reply) = reply else { continue };
                    let forged = forgery(&upstream, reply)
                        .to_vec()
                        .expect("a message can be written");
                    socket.send_to(&forged, client).ok();
                }
            }
        });
        Ok(Self {
            work,
            end,
            thread: Some(thread),
        })
    }

    /// From now on forges replies of that server like that.
    pub fn forge(&self, upstream: SocketAddr, forgery: Forgery) {
        *self.work.lock().expect("nothing panics while it holds the work") = (upstream, forgery);
    }
}

impl Drop for Forger {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Changes nothing.
pub fn honest(_: &Upstream, reply: Message) -> Message {
    reply
}
