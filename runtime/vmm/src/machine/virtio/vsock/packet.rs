//! The headers of packets.

/// Bytes of a header.
pub(super) const HEADER: usize = 44;

/// The host, as guests call it.
pub(super) const HOST: u64 = 2;

/// What sockets are: streams, of which every packet is a piece.
pub(super) const STREAM: u16 = 1;

/// What a packet is for.
pub(super) mod operation {
    pub(in super::super) const REQUEST: u16 = 1;
    pub(in super::super) const RESPONSE: u16 = 2;
    pub(in super::super) const RESET: u16 = 3;
    pub(in super::super) const SHUTDOWN: u16 = 4;
    pub(in super::super) const DATA: u16 = 5;
    pub(in super::super) const CREDIT_UPDATE: u16 = 6;
    pub(in super::super) const CREDIT_REQUEST: u16 = 7;
}

/// Flags of [`operation::SHUTDOWN`]: what its sender does no more.
pub(super) const TAKES_NO_MORE: u32 = 1;
pub(super) const SENDS_NO_MORE: u32 = 2;

/// Who sends a packet, or gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Address {
    pub(super) cid: u64,
    pub(super) port: u32,
}

/// Whom a connection connects: no other one has both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    pub(super) host: Address,
    pub(super) guest: Address,
}

/// The header of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Header {
    pub(super) from: Address,
    pub(super) to: Address,
    /// Bytes of data behind it.
    pub(super) length: u32,
    pub(super) kind: u16,
    pub(super) operation: u16,
    pub(super) flags: u32,
    /// How many bytes of this connection its sender keeps for who reads them there.
    pub(super) room: u32,
    /// How many bytes were read there since the connection began.
    pub(super) taken: u32,
}

impl Header {
    /// Takes a header from its words.
    pub(super) fn from_words(words: [u32; HEADER / 4]) -> Header {
        let [from, from_high, to, to_high, from_port, to_port, length, kind, flags, room, taken] =
            words.map(u32::from_le);
        let address =
            |low, high, port| Address { cid: u64::from(high) << 32 | u64::from(low), port };
        Header {
            from: address(from, from_high, from_port),
            to: address(to, to_high, to_port),
            length,
            kind: kind as u16,
            operation: (kind >> 16) as u16,
            flags,
            room,
            taken,
        }
    }

    /// Returns its bytes.
    pub(super) fn bytes(&self) -> [u8; HEADER] {
        let high = |address: Address| (address.cid >> 32) as u32;
        let words = [
            self.from.cid as u32,
            high(self.from),
            self.to.cid as u32,
            high(self.to),
            self.from.port,
            self.to.port,
            self.length,
            u32::from(self.operation) << 16 | u32::from(self.kind),
            self.flags,
            self.room,
            self.taken,
        ];
        let mut bytes = [0; HEADER];
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Returns whose it is, of one that the guest sends.
    pub(super) fn ends(&self) -> Ends {
        Ends { host: self.to, guest: self.from }
    }

    /// Returns what tells its sender that there is no such connection.
    pub(super) fn refusal(&self) -> Header {
        let Header { from, to, kind, .. } = *self;
        Header { from: to, to: from, kind, operation: operation::RESET, ..Header::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_where_the_specification_has_it() {
        let header = Header {
            from: Address { cid: 0x0807_0605_0403_0201, port: 0x1413_1211 },
            to: Address { cid: 0x100f_0e0d_0c0b_0a09, port: 0x1817_1615 },
            length: 0x1c1b_1a19,
            kind: 0x1e1d,
            operation: 0x201f,
            flags: 0x2423_2221,
            room: 0x2827_2625,
            taken: 0x2c2b_2a29,
        };
        let bytes: Vec<u8> = (1..=44).collect();
        assert_eq!(header.bytes(), *bytes);
        let word = |word: &[u8]| u32::from_ne_bytes(word.try_into().unwrap());
        let words: Vec<u32> = bytes.chunks(4).map(word).collect();
        assert_eq!(Header::from_words(words.try_into().unwrap()), header);
    }
}
