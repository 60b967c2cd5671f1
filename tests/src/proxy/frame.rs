//! The framing of PostgreSQL's protocol: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

use std::io::{Error, ErrorKind, Result};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SSL_REQUEST: u32 = 80_877_103;
const GSS_ENCRYPTION_REQUEST: u32 = 80_877_104;

/// Exclusive limit of a message's length, in bytes. A longer one means that the framing was lost.
const LONGEST: usize = 1 << 30;

/// Reads a client's startup message, which has no tag. Declines requests for encryption that come before it.
pub(super) async fn read_startup(client: &mut TcpStream) -> Result<Vec<u8>> {
    loop {
        let length = client.read_u32().await?;
        let mut message = length.to_be_bytes().to_vec();
        message.resize(checked(length, 8)?, 0);
        client.read_exact(&mut message[4..]).await?;
        let code = u32::from_be_bytes([message[4], message[5], message[6], message[7]]);
        if code != SSL_REQUEST && code != GSS_ENCRYPTION_REQUEST {
            return Ok(message);
        }
        client.write_all(b"N").await?;
    }
}

/// Returns the length in bytes, tag included, of the message at the start of `bytes`. `None` if it is incomplete.
pub(super) fn message_length(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(&[_, a, b, c, d]) = bytes.first_chunk() else {
        return Ok(None);
    };
    let length = 1 + checked(u32::from_be_bytes([a, b, c, d]), 4)?;
    Ok((length <= bytes.len()).then_some(length))
}

/// Returns the error message that PgBouncer sends to a client when its server connection is lost.
pub(super) fn fatal_error() -> Vec<u8> {
    let fields = b"SFATAL\0C08P01\0Mserver conn crashed?\0\0";
    let length = 4 + u32::try_from(fields.len()).expect("a short message");
    [b"E", &length.to_be_bytes()[..], fields].concat()
}

fn checked(length: u32, least: usize) -> Result<usize> {
    usize::try_from(length)
        .ok()
        .filter(|length| (least..LONGEST).contains(length))
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, format!("a message of {length} bytes")))
}

#[cfg(test)]
mod tests {
    use super::{fatal_error, message_length};

    #[test]
    fn a_message_is_known_when_all_of_it_is_there() {
        let ready = b"Z\0\0\0\x05IZ";
        for end in 0..6 {
            assert_eq!(message_length(&ready[..end]).unwrap(), None);
        }
        assert_eq!(message_length(ready).unwrap(), Some(6));
        let error = fatal_error();
        assert_eq!(message_length(&error).unwrap(), Some(error.len()));
        message_length(b"Z\0\0\0\x03").unwrap_err();
        message_length(b"Z\xff\0\0\0").unwrap_err();
    }
}
