//! A vendor that gives prepared answers on a loopback address and remembers what it was asked.

use std::sync::{Arc, Mutex};

use pdm_registrar::{Account, Adapter, Credentials, Endpoint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// An answer: status, further header lines, body.
#[derive(Clone)]
pub struct Answer(pub u16, pub &'static str, pub String);

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET /path?query`.
    pub call: String,
    /// Header lines, in lower case but for their values.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

struct Rule {
    call: &'static str,
    answers: Vec<Answer>,
}

/// The vendor; it ends with the test's runtime.
pub struct Vendor {
    base: String,
    rules: Arc<Mutex<Vec<Rule>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Vendor {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let vendor = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            rules: Arc::default(),
            asked: Arc::default(),
        };
        let (rules, asked) = (Arc::clone(&vendor.rules), Arc::clone(&vendor.asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&rules), Arc::clone(&asked)));
            }
        });
        vendor
    }

    /// Gives `answers` one after the other to calls that begin with `call`, and the last of them from then on. The longest
    /// beginning that fits counts; calls that none fits get a 599.
    pub fn on(&self, call: &'static str, answers: impl IntoIterator<Item = Answer>) -> &Self {
        let answers = answers.into_iter().collect();
        let mut rules = self.rules.lock().unwrap();
        rules.retain(|rule| rule.call != call);
        rules.push(Rule { call, answers });
        self
    }

    /// All requests.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Those that do not begin with `GET`.
    pub fn written(&self) -> Vec<Asked> {
        self.asked()
            .into_iter()
            .filter(|asked| !asked.call.starts_with("GET "))
            .collect()
    }

    /// Opens an account here.
    pub fn open(&self, adapter: &dyn Adapter, credentials: &str) -> Box<dyn Account> {
        let credentials = Credentials::from_json(adapter.descriptor(), credentials.as_bytes()).unwrap();
        adapter
            .open(&Endpoint::parse(&self.base).unwrap(), &credentials)
            .unwrap()
    }
}

async fn serve(mut stream: TcpStream, rules: Arc<Mutex<Vec<Rule>>>, all: Arc<Mutex<Vec<Asked>>>) {
    let Some(asked) = read(&mut stream).await else {
        return;
    };
    all.lock().unwrap().push(asked.clone());
    let Answer(status, headers, body) = {
        let mut rules = rules.lock().unwrap();
        let fits = rules.iter_mut().filter(|rule| asked.call.starts_with(rule.call));
        match fits.max_by_key(|rule| rule.call.len()) {
            Some(rule) if rule.answers.len() > 1 => rule.answers.remove(0),
            Some(rule) => rule.answers[0].clone(),
            None => Answer(599, "", format!("nothing is prepared for {}", asked.call)),
        }
    };
    let head = format!(
        "HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        body.len()
    );
    // The client may have gone.
    let _gone = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut lines = head.lines().map(str::to_owned);
            let call = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
            let headers: Vec<_> = lines.collect();
            let length = headers
                .iter()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
                return Some(Asked { call, headers, body });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
