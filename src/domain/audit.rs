//! The audit log as a Merkle tree (RFC 6962): entries, leaf hashes, the tree's root, and who changed what is found.
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use yunfa_signaling::time::Timestamp;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// One entry as it is written down. The bytes that are hashed are its JSON: fields in this order, integers and text only.
/// Nothing personal stands in it, so that deleting content by retention breaks no leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its place, from 0.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who: a node of the server, later also a person's id.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub object_kind: String,
    /// To which one.
    pub object: String,
    /// SHA-256 of the thing's own bytes, as hexadecimal.
    pub hash: String,
}

impl AuditEntry {
    /// The canonical bytes, which are stored and hashed.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and integers are always JSON")
    }
}

/// The hash of a leaf (RFC 6962 section 2.1).
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

/// The hash of an inner node (RFC 6962 section 2.1).
fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The right edge of a growing tree: the hashes of its full subtrees, the largest first. Appending costs at most one
/// hash per subtree, however long the log is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    subtrees: Vec<Hash>,
}

/// The stored edge does not fit its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the edge of the audit tree does not fit its size")]
pub struct BadFrontier;

impl Frontier {
    /// Reads what [`bytes`](Self::bytes) wrote for a tree of `size` leaves.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, BadFrontier> {
        let (subtrees, rest) = bytes.as_chunks::<32>();
        // One full subtree for every 1 in the size's binary digits.
        if !rest.is_empty() || subtrees.len() as u32 != size.count_ones() {
            return Err(BadFrontier);
        }
        Ok(Self { size, subtrees: subtrees.to_vec() })
    }

    /// As it is stored.
    pub fn bytes(&self) -> Vec<u8> {
        self.subtrees.concat()
    }

    /// How many leaves the tree has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub fn append(&mut self, leaf: Hash) {
        self.subtrees.push(leaf);
        // As in adding 1 to a binary number: each carry joins two subtrees of the same size.
        for _ in 0..self.size.trailing_ones() {
            if let (Some(right), Some(left)) = (self.subtrees.pop(), self.subtrees.pop()) {
                self.subtrees.push(node_hash(&left, &right));
            }
        }
        self.size += 1;
    }

    /// The root (RFC 6962 section 2.1); of an empty tree the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut right_to_left = self.subtrees.iter().rev();
        let Some(last) = right_to_left.next() else { return Sha256::digest([]).into() };
        right_to_left.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// An entry as the store returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its place.
    pub seq: u64,
    /// Its canonical bytes.
    pub body: Vec<u8>,
    /// Its leaf hash, as stored.
    pub leaf: Hash,
    /// The root after it, as stored.
    pub root: Hash,
}

/// Where the log is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    /// An entry is missing, or is there twice, or stands elsewhere.
    #[error("entry {expected} is not where it belongs: {found} stands there")]
    Gap {
        /// The place.
        expected: u64,
        /// The number that stands there.
        found: u64,
    },
    /// An entry's bytes are not those that were hashed.
    #[error("entry {0} was changed")]
    Changed(u64),
    /// A root does not follow from the leaves.
    #[error("the root after entry {0} does not follow from the entries")]
    Root(u64),
    /// The log is shorter or longer than its head says.
    #[error("the log has {found} entries, its head says {expected}")]
    Length {
        /// What the head says.
        expected: u64,
        /// What there is.
        found: u64,
    },
}

/// Recomputes a log from its first entry.
#[derive(Debug, Default)]
pub struct Verifier(Frontier);

impl Verifier {
    /// Checks the next entry.
    pub fn add(&mut self, entry: &StoredEntry) -> Result<(), AuditFault> {
        let expected = self.0.size();
        if entry.seq != expected {
            return Err(AuditFault::Gap { expected, found: entry.seq });
        }
        let says = serde_json::from_slice::<AuditEntry>(&entry.body).map(|body| body.seq);
        if leaf_hash(&entry.body) != entry.leaf || says.ok() != Some(entry.seq) {
            return Err(AuditFault::Changed(entry.seq));
        }
        self.0.append(entry.leaf);
        if self.0.root() == entry.root { Ok(()) } else { Err(AuditFault::Root(entry.seq)) }
    }

    /// Checks the end against the stored head, and gives the root.
    pub fn finish(self, head: &Frontier) -> Result<Hash, AuditFault> {
        if head.size() != self.0.size() {
            return Err(AuditFault::Length { expected: head.size(), found: self.0.size() });
        }
        if *head == self.0 { Ok(self.0.root()) } else { Err(AuditFault::Root(head.size().saturating_sub(1))) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition of RFC 6962 section 2.1, word by word.
    fn definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            more => {
                let split = 1 << (more.len() - 1).ilog2();
                node_hash(&definition(&more[..split]), &definition(&more[split..]))
            }
        }
    }

    fn log(length: u64) -> (Vec<StoredEntry>, Frontier) {
        let mut frontier = Frontier::default();
        let entries = (0..length).map(|seq| {
            let entry = AuditEntry {
                seq,
                at: Timestamp(1_000 + i64::try_from(seq).expect("small")),
                actor: "node-1".to_owned(),
                action: "seal".to_owned(),
                object_kind: "record".to_owned(),
                object: format!("r{seq}"),
                hash: "00".repeat(32),
            };
            let leaf = leaf_hash(&entry.bytes());
            frontier.append(leaf);
            StoredEntry { seq, body: entry.bytes(), leaf, root: frontier.root() }
        });
        (entries.collect(), frontier)
    }

    fn verify(entries: &[StoredEntry], head: &Frontier) -> Result<Hash, AuditFault> {
        let mut verifier = Verifier::default();
        entries.iter().try_for_each(|entry| verifier.add(entry))?;
        verifier.finish(head)
    }

    #[test]
    fn the_roots_are_those_of_the_certificate_transparency_vectors() {
        let inputs: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut frontier = Frontier::default();

        for (input, root) in inputs.iter().zip(roots) {
            frontier.append(leaf_hash(input));
            let hex: String = frontier.root().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, root);
        }
    }

    proptest! {
        #[test]
        fn the_edge_gives_the_root_of_the_definition(length in 0_usize..300) {
            let leaves: Vec<Hash> = (0..length).map(|n| leaf_hash(&n.to_be_bytes())).collect();
            let mut frontier = Frontier::default();
            for leaf in &leaves {
                frontier.append(*leaf);
            }

            prop_assert_eq!(frontier.root(), definition(&leaves));
            prop_assert_eq!(Frontier::from_bytes(length as u64, &frontier.bytes()), Ok(frontier));
        }

        #[test]
        fn any_changed_bit_of_an_entry_is_found(at in 0_usize..20, byte in 0_usize..1000, bit in 0_u8..8) {
            let (mut entries, head) = log(20);
            let body = &mut entries[at].body;
            let byte = byte % body.len();
            body[byte] ^= 1 << bit;

            prop_assert_eq!(verify(&entries, &head), Err(AuditFault::Changed(at as u64)));
        }

        #[test]
        fn an_entry_rewritten_with_its_leaf_is_found_by_the_root(at in 0_usize..20) {
            let (mut entries, head) = log(20);
            entries[at].body = String::from_utf8(entries[at].body.clone()).expect("json").replace("node-1", "node-2").into_bytes();
            entries[at].leaf = leaf_hash(&entries[at].body);

            prop_assert_eq!(verify(&entries, &head), Err(AuditFault::Root(at as u64)));
        }
    }

    #[test]
    fn a_missing_doubled_swapped_or_cut_off_entry_is_found() {
        let (entries, head) = log(20);
        let without = |at: usize| [&entries[..at], &entries[at + 1..]].concat();
        let mut swapped = entries.clone();
        swapped.swap(3, 4);

        assert!(verify(&entries, &head).is_ok());
        assert_eq!(verify(&without(5), &head), Err(AuditFault::Gap { expected: 5, found: 6 }));
        assert_eq!(verify(&without(19), &head), Err(AuditFault::Length { expected: 20, found: 19 }));
        assert_eq!(verify(&swapped, &head), Err(AuditFault::Gap { expected: 3, found: 4 }));
        assert!(Frontier::from_bytes(20, &head.bytes()[1..]).is_err());
    }
}
