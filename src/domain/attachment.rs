//! What may be attached to a text: known by its own first bytes, never by what somebody calls it. Pure.
use crate::domain::people::words;

/// Bytes of an attachment at most: a page that is photographed, a long voice message.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Attachments of one text at most.
pub const MAX_PER_TEXT: usize = 6;
/// Attachments of one question with everything that was asked on at most: 600 MiB of somebody's life.
pub const MAX_PER_QUESTION: usize = 60;
/// Bytes by which a file is known.
pub const HEAD_BYTES: usize = 512;

words! {
    /// What an attachment is.
    MediaType {
        /// A photograph.
        Jpeg = "image/jpeg",
        /// A picture.
        Png = "image/png",
        /// A picture.
        Webp = "image/webp",
        /// A document.
        Pdf = "application/pdf",
        /// A voice message as Chromium and Firefox record it.
        Webm = "audio/webm",
        /// A voice message as Firefox may record it.
        Ogg = "audio/ogg",
        /// A voice message as Safari records it.
        Mp4 = "audio/mp4",
    }
}

impl MediaType {
    /// What a file is that begins so; `None` for everything that is not taken.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        // A sound without a picture has the same beginning as one with it.
        match infer::get(head)?.mime_type() {
            "image/jpeg" => Some(Self::Jpeg),
            "image/png" => Some(Self::Png),
            "image/webp" => Some(Self::Webp),
            "application/pdf" => Some(Self::Pdf),
            "video/webm" => Some(Self::Webm),
            "audio/ogg" | "application/ogg" => Some(Self::Ogg),
            "video/mp4" | "audio/m4a" | "audio/mp4" => Some(Self::Mp4),
            _ => None,
        }
    }

    /// How a file of it is called.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Pdf => "pdf",
            Self::Webm => "webm",
            Self::Ogg => "ogg",
            Self::Mp4 => "m4a",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_bytes_say() {
        let cases: [(&[u8], Option<MediaType>); 9] = [
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0", Some(MediaType::Jpeg)),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some(MediaType::Png)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some(MediaType::Webp)),
            (b"%PDF-1.7\n", Some(MediaType::Pdf)),
            (b"OggS\0\x02\0\0\0\0\0\0\0\0OpusHead", Some(MediaType::Ogg)),
            (
                b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm",
                Some(MediaType::Webm),
            ),
            (b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom", Some(MediaType::Mp4)),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>1</script></svg>", None),
            (b"MZ\x90\0\x03\0\0\0", None),
        ];
        for (head, expected) in cases {
            assert_eq!(MediaType::sniff(head), expected, "{head:?}");
        }
        assert_eq!(MediaType::sniff(b""), None);
        assert_eq!(MediaType::sniff(b"<!DOCTYPE html><script>alert(1)</script>"), None);
    }
}
