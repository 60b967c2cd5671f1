//! [`Client`]: an HTTP client that takes little processor time.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A keep-alive connection to a server.
pub(crate) struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            answer: Vec::new(),
        }
    }

    /// Sends a GET request to a tenant's host, and waits for the whole response.
    pub(crate) async fn get(&mut self, path: &str, tenant: usize) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: tenant-{tenant}.example.com\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.answer.clear();
        while !is_complete(&self.answer) {
            let read = self.stream.read_buf(&mut self.answer).await.unwrap();
            assert!(read > 0, "the server closed the connection");
        }
        let status = self.answer.get(9..12);
        assert_eq!(
            status,
            Some(&b"200"[..]),
            "{}",
            String::from_utf8_lossy(&self.answer)
        );
    }
}

/// True if a response has all of its body.
fn is_complete(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().unwrap())
    });
    answer.len() >= end + 4 + length.expect("a length")
}
