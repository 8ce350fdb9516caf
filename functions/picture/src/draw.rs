//! From what somebody sent to what others are shown: decoded within limits, upright, square, small, a JPEG without anything else in it.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage, codecs::jpeg::JpegEncoder, metadata::Orientation,
};

/// Pixels that are decoded at most, so that they fit into the memory of the function.
const MOST_PIXELS: u64 = 12_000_000;
/// Bytes that decoding may take: all pixels with four channels of 16 bits.
const MOST_BYTES: u64 = MOST_PIXELS * 8;
/// The side of a picture that is shown, in pixels.
const SIDE: u32 = 256;
const QUALITY: u8 = 85;

/// Why a file is not taken for a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPicture {
    /// Not a JPEG, PNG or WebP, or a broken one.
    #[error("this is no JPEG, PNG or WebP that can be read")]
    Unreadable,
    /// More pixels than are decoded.
    #[error("the picture has more than 12 million pixels")]
    TooManyPixels,
}

/// The picture that is shown for this file. Only pixels come through: no metadata, no second frame, no transparency (S55).
pub(crate) fn portrait(file: &[u8]) -> Result<Vec<u8>, NoPicture> {
    let (picture, orientation) = decode(file)?;
    let mut picture = square(picture);
    picture.apply_orientation(orientation);
    let flat = on_white(&picture);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&flat).map_err(|_| NoPicture::Unreadable)?;
    Ok(jpeg)
}

fn decode(file: &[u8]) -> Result<(DynamicImage, Orientation), NoPicture> {
    let unreadable = |_| NoPicture::Unreadable;
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(|_| NoPicture::Unreadable)?;
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) {
        return Err(NoPicture::Unreadable);
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    // What the head says, before a pixel is decoded: a file of a thousand bytes can claim any size.
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS || decoder.total_bytes() > MOST_BYTES {
        return Err(NoPicture::TooManyPixels);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder).map_err(unreadable)?, orientation))
}

/// The middle square, no larger than what is shown.
fn square(picture: DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let side = width.min(height);
    let middle = picture.crop_imm((width - side) / 2, (height - side) / 2, side, side);
    if side > SIDE { middle.thumbnail_exact(SIDE, SIDE) } else { middle }
}

/// Without transparency, which JPEG does not have.
fn on_white(picture: &DynamicImage) -> RgbImage {
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(u16::from);
        Rgb([red, green, blue].map(|channel| u8::try_from((channel * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)))
    })
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    fn file(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        // Red above, blue below, and clear at the left edge.
        let picture = RgbaImage::from_fn(width, height, |x, y| match (x, y) {
            (0, _) => Rgba([0, 0, 0, 0]),
            (_, y) if y < height / 2 => Rgba([255, 0, 0, 255]),
            _ => Rgba([0, 0, 255, 255]),
        });
        let picture = DynamicImage::from(picture);
        let picture = if format == ImageFormat::Jpeg { picture.to_rgb8().into() } else { picture };
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn drawn(file: &[u8]) -> RgbImage {
        let jpeg = portrait(file).unwrap();
        assert_eq!(image::guess_format(&jpeg).unwrap(), ImageFormat::Jpeg);
        image::load_from_memory(&jpeg).unwrap().to_rgb8()
    }

    #[test]
    fn pictures_become_small_squares() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            for (width, height, side) in [(800, 600, 256), (300, 900, 256), (40, 30, 30), (1, 1, 1)] {
                let drawn = drawn(&file(width, height, format));
                assert_eq!(drawn.dimensions(), (side, side), "{format:?} {width}x{height}");
            }
        }
    }

    #[test]
    fn what_is_clear_becomes_white() {
        let drawn = drawn(&file(8, 8, ImageFormat::Png));
        assert!(drawn.get_pixel(0, 0).0.iter().all(|channel| *channel > 150), "{:?}", drawn.get_pixel(0, 0));
    }

    #[test]
    fn metadata_goes_and_what_it_says_of_the_upper_edge_is_followed() {
        // S55: an orientation of 3 is half a turn; beside it lies where the picture was taken.
        let plain = file(64, 64, ImageFormat::Jpeg);
        let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0".to_vec();
        exif.extend_from_slice(b"GPS 31.2304N 121.4737E");
        let mut turned = plain[..2].to_vec();
        turned.extend_from_slice(&[0xff, 0xe1]);
        turned.extend_from_slice(&u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
        turned.extend_from_slice(&exif);
        turned.extend_from_slice(&plain[2..]);
        assert!(drawn(&plain).get_pixel(32, 8)[0] > 200 && drawn(&turned).get_pixel(32, 8)[2] > 200, "red is above, then below");
        let jpeg = portrait(&turned).unwrap();
        assert!(!jpeg.windows(4).any(|part| part == b"Exif" || part == b"GPS "));
    }

    #[test]
    fn a_claim_of_many_pixels_is_refused_before_they_are_decoded() {
        // S55: a head that says 30,000 by 30,000 and nothing behind it.
        let mut bomb = file(1, 1, ImageFormat::Png);
        bomb[16..20].copy_from_slice(&30_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&30_000_u32.to_be_bytes());
        let check = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&check.to_be_bytes());
        assert_eq!(portrait(&bomb), Err(NoPicture::TooManyPixels));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
        })
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let broken = &file(300, 300, ImageFormat::Png)[..200];
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";
        let gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
        for (what, file) in [("nothing", &b""[..]), ("text", b"no picture"), ("half", broken), ("SVG", svg), ("GIF", gif)] {
            assert_eq!(portrait(file), Err(NoPicture::Unreadable), "{what}");
        }
    }
}
