//! What is not HTTP/1.1, or reads as two different requests.

use crate::process::edge::corpus::{Corpus, Hostile};

impl Corpus {
    pub fn broken(&mut self) -> Hostile {
        const HEAD: &str = "POST /webhooks/github HTTP/1.1\r\nhost: l\r\n";
        const INNER: &str = "GET /setup HTTP/1.1\r\nhost: l\r\n\r\n";
        let noise = self.dice.bytes(300);
        let (what, bytes): (_, Vec<u8>) = match self.dice.index(26) {
            0 => (
                "two lengths",
                format!("{HEAD}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd").into(),
            ),
            1 => (
                "length and chunks",
                format!(
                    "{HEAD}connection: close\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{INNER}"
                )
                .into(),
            ),
            2 => (
                "chunks and length",
                format!("{HEAD}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n5\r\nabcde\r\n0\r\n\r\n{INNER}")
                    .into(),
            ),
            3 => (
                "chunks not last",
                format!("{HEAD}transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n").into(),
            ),
            4 => (
                "chunks in HTTP/1.0",
                format!(
                    "{}transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
                    HEAD.replace("1.1", "1.0")
                )
                .into(),
            ),
            5 => (
                "odd encoding",
                format!("{HEAD}transfer-encoding: \u{b}chunked\r\n\r\n0\r\n\r\n").into(),
            ),
            6 => (
                "space before colon",
                format!("{HEAD}content-length : 3\r\n\r\nabc").into(),
            ),
            7 => ("folded header", format!("{HEAD}x-a: b\r\n c\r\n\r\n").into()),
            8 => (
                "length with plus",
                format!("{HEAD}content-length: +3\r\n\r\nabc").into(),
            ),
            9 => ("length below zero", format!("{HEAD}content-length: -1\r\n\r\n").into()),
            10 => (
                "length in hexadecimal",
                format!("{HEAD}content-length: 0x3\r\n\r\nabc").into(),
            ),
            11 => (
                "length beyond 64 bits",
                format!("{HEAD}content-length: 18446744073709551616\r\n\r\n").into(),
            ),
            12 => (
                "lengths in a list",
                format!("{HEAD}content-length: 3, 4\r\n\r\nabcd").into(),
            ),
            13 => ("NUL in a value", format!("{HEAD}x-a: b\0c\r\n\r\n").into()),
            14 => ("NUL in a name", format!("{HEAD}x\0: b\r\n\r\n").into()),
            15 => (
                "lone line feeds and a bad name",
                "GET / HTTP/1.1\nhost: l\n\u{e9}: x\n\n".into(),
            ),
            16 => (
                "huge head",
                format!("{HEAD}x-a: {}\r\n\r\n", "a".repeat(20_000 + self.dice.index(300_000))).into(),
            ),
            17 => (
                "header bomb",
                format!("{HEAD}{}\r\n", "a: b\r\n".repeat(200 + self.dice.index(2000))).into(),
            ),
            18 => (
                "huge target",
                format!("GET /{} HTTP/1.1\r\nhost: l\r\n\r\n", "a".repeat(70_000)).into(),
            ),
            19 => (
                "version",
                format!(
                    "GET / HTTP/{}.{}\r\nhost: l\r\n\r\n",
                    2 + self.dice.index(7),
                    self.dice.index(9)
                )
                .into(),
            ),
            20 => (
                "HTTP/2 preface",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            ),
            21 => (
                "TLS",
                [
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
                    &noise,
                    b"\r\n\r\n",
                ]
                .concat(),
            ),
            22 => ("no version", "GET /\r\n\r\n".into()),
            23 => ("two spaces", "GET  /  HTTP/1.1\r\nhost: l\r\n\r\n".into()),
            24 => ("NUL first", [b"\0\0".as_slice(), &noise, b"\r\n\r\n"].concat()),
            _ => (
                "target not ASCII",
                "GET /\u{ff}\u{0} HTTP/1.1\r\nhost: l\r\n\r\n".into(),
            ),
        };
        Hostile {
            what: format!("broken: {what}"),
            bytes,
        }
    }
}
