//! A request on its way to be sent as it is, right or wrong.

/// A head as it will be sent, with the body's framing.
pub struct Draft {
    pub method: &'static str,
    pub target: String,
    pub version: &'static str,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub framing: Framing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Length,
    Chunked,
}

impl Draft {
    pub fn new(method: &'static str, target: &str) -> Self {
        Self {
            method,
            target: target.to_owned(),
            version: "HTTP/1.1",
            headers: vec![("host".to_owned(), b"localhost".to_vec())],
            body: Vec::new(),
            framing: Framing::Length,
        }
    }

    pub fn header(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} {}\r\n", self.method, self.target, self.version).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(name.bytes().chain(*b": ").chain(value.iter().copied()).chain(*b"\r\n"));
        }
        bytes.extend(b"connection: close\r\n");
        match self.framing {
            Framing::Length => {
                bytes.extend(format!("content-length: {}\r\n\r\n", self.body.len()).into_bytes());
                bytes.extend(&self.body);
            }
            Framing::Chunked => {
                bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
                for piece in self.body.chunks(1000) {
                    bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
                    bytes.extend(piece);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
            }
        }
        bytes
    }
}

/// Bodies that decode to much more than they are.
pub fn gzip_bomb(megabytes: usize) -> Vec<u8> {
    struct Bits(Vec<u8>, usize);
    impl Bits {
        fn push(&mut self, bits: &str) {
            for bit in bits.bytes() {
                if self.1 == 0 {
                    self.0.push(0);
                }
                if bit == b'1' {
                    *self.0.last_mut().unwrap() |= 1 << self.1;
                }
                self.1 = (self.1 + 1) % 8;
            }
        }
    }
    // one final block with the fixed codes: a zero, then "the same 258 times" again and again, then the end
    let mut bits = Bits(b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec(), 0);
    bits.push("110");
    bits.push("00110000");
    for _ in 0..megabytes * 1024 * 1024 / 258 {
        bits.push("1100010100000");
    }
    bits.push("0000000");
    let mut bytes = bits.0;
    bytes.extend([0; 8]);
    bytes
}
