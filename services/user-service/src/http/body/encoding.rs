//! `Content-Encoding` of request bodies: gzip and deflate (RFC 9110, 8.4.1), unpacked to at most a given size.

use std::io::Read as _;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// `Accept-Encoding` of the answer to any other encoding (RFC 9110, 15.5.16).
pub(super) const ACCEPTED: &str = "gzip, deflate";

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

/// A body could not be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnpackError {
    /// It holds more than it may.
    TooLarge,
    /// It is not in the format that its header names, or ends too soon.
    Malformed,
}

impl Encoding {
    /// What the header names; `None` for an encoding that is not read, and for several.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Some(Self::Identity) };
        if values.next().is_some() {
            return None;
        }
        let name = value.to_str().ok()?.trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }

    /// The body as it was before it was packed, if that has at most `limit` octets.
    pub(super) fn unpack(self, packed: Bytes, limit: usize) -> Result<Bytes, UnpackError> {
        match self {
            Self::Identity => Ok(packed),
            Self::Gzip => read_up_to(MultiGzDecoder::new(&packed[..]), limit),
            Self::Deflate if has_zlib_header(&packed) => read_up_to(ZlibDecoder::new(&packed[..]), limit),
            // "deflate" is zlib by its definition, and without zlib's header in what some clients send.
            Self::Deflate => read_up_to(DeflateDecoder::new(&packed[..]), limit),
        }
    }
}

/// RFC 1950, 2.2: the method is 8, and both octets together are a multiple of 31.
fn has_zlib_header(packed: &[u8]) -> bool {
    matches!(packed, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

fn read_up_to(decoder: impl std::io::Read, limit: usize) -> Result<Bytes, UnpackError> {
    let mut unpacked = Vec::new();
    // One octet more shows that there is more.
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(bound).read_to_end(&mut unpacked).map_err(|_| UnpackError::Malformed)?;
    if unpacked.len() > limit { Err(UnpackError::TooLarge) } else { Ok(unpacked.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::http::{HeaderMap, HeaderValue, header::CONTENT_ENCODING};
    use bytes::Bytes;
    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use proptest::prelude::*;

    use super::{Encoding, UnpackError};

    fn gzip(plain: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    fn zlib(plain: &[u8]) -> Bytes {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    fn raw_deflate(plain: &[u8]) -> Bytes {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn the_header_names_one_encoding_in_any_letter_case() {
        let of = |values: &[&'static str]| {
            let headers = values.iter().map(|value| (CONTENT_ENCODING, HeaderValue::from_static(value)));
            let mut map = HeaderMap::new();
            headers.for_each(|(name, value)| {
                map.append(name, value);
            });
            Encoding::of(&map)
        };
        for identity in [&[][..], &[""], &["identity"], &["Identity"]] {
            assert_eq!(of(identity), Some(Encoding::Identity), "{identity:?}");
        }
        assert_eq!(of(&["GZIP"]), Some(Encoding::Gzip));
        assert_eq!(of(&["deflate"]), Some(Encoding::Deflate));
        for other in [&["br"][..], &["x-gzip"], &["zstd"], &["gzip, deflate"], &["gzip", "gzip"]] {
            assert_eq!(of(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_small_body_that_unpacks_to_more_than_the_limit_is_too_large() {
        let zeros = vec![0; 10 << 20];
        for (encoding, packed) in [
            (Encoding::Gzip, gzip(&zeros)),
            (Encoding::Deflate, zlib(&zeros)),
            (Encoding::Deflate, raw_deflate(&zeros)),
        ] {
            assert_eq!(encoding.unpack(packed, 16 * 1024), Err(UnpackError::TooLarge), "{encoding:?}");
        }
        assert_eq!(Encoding::Gzip.unpack(gzip(&[0; 16]), 16).unwrap().len(), 16);
        assert_eq!(Encoding::Gzip.unpack(gzip(&[0; 17]), 16), Err(UnpackError::TooLarge));
    }

    #[test]
    fn what_is_not_packed_as_the_header_says_is_malformed() {
        let whole = gzip(b"{\"email\":\"ada@example.org\"}");
        let half = whole.slice(..whole.len() / 2);
        for (encoding, packed) in [
            (Encoding::Gzip, Bytes::from_static(b"{\"email\":\"ada@example.org\"}")),
            (Encoding::Gzip, half),
            (Encoding::Gzip, Bytes::new()),
            (Encoding::Deflate, Bytes::from_static(b"{\"email\":\"ada@example.org\"}")),
        ] {
            assert_eq!(encoding.unpack(packed, 1024), Err(UnpackError::Malformed), "{encoding:?}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_the_same_after_packing_and_unpacking(plain in proptest::collection::vec(any::<u8>(), 0..2000)) {
            for (encoding, packed) in [
                (Encoding::Identity, Bytes::from(plain.clone())),
                (Encoding::Gzip, gzip(&plain)),
                (Encoding::Deflate, zlib(&plain)),
            ] {
                prop_assert_eq!(encoding.unpack(packed, 2000), Ok(Bytes::from(plain.clone())));
            }
        }

        #[test]
        fn any_octets_are_unpacked_or_refused_within_the_limit(packed in proptest::collection::vec(any::<u8>(), 0..2000)) {
            for encoding in [Encoding::Gzip, Encoding::Deflate] {
                if let Ok(plain) = encoding.unpack(packed.clone().into(), 4000) {
                    prop_assert!(plain.len() <= 4000);
                }
            }
        }
    }
}
