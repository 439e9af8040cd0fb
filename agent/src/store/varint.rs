//! Numbers of variable length, as rows and records of a spill hold them: seven bits a byte, the last byte below 128.
//!
//! Pure.

use super::rowlog::RowError;

/// Appends an unsigned varint; [`take_varint`] reads it back.
pub fn append_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes an unsigned varint off the front of `input`.
///
/// # Errors
/// The bytes end too early or hold more than 64 bits.
#[inline]
pub fn take_varint(input: &mut &[u8]) -> Result<u64, RowError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(input)?;
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(RowError::Overlong)
}

/// Takes one byte off the front of `input`.
#[inline]
pub(super) fn take_byte(input: &mut &[u8]) -> Result<u8, RowError> {
    let (&byte, rest) = input.split_first().ok_or(RowError::Truncated)?;
    *input = rest;
    Ok(byte)
}

/// Small numbers of either sign as small unsigned ones.
#[inline]
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// What [`zigzag`] made.
#[inline]
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
