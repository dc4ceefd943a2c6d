//! Cost of images in tokens, by size: the formulas. `family.rs` has the numbers of each family of models.

use tollgate_llm::image::Size;

/// Image pricing of a family of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImagePricing {
    /// OpenAI, "Images and vision", tile-based models: `base`, and `tile` per square of 512 pixels, after scaling the
    /// image to fit 2048 by 2048 and its shorter side to 768; `base` alone at low detail.
    Tiles { base: u64, tile: u64 },
    /// The same page, patch-based models: squares of 32 pixels, times a multiplier in hundredths, rounded up; an image
    /// of more patches than the budget of its detail is scaled down.
    Patches { hundredths: u64, low: u64, high: u64, auto: u64 },
    /// Anthropic, "Vision": squares of 28 pixels, after limiting the longer edge and the number of squares.
    Claude { edge: u32, most: u64 },
    /// Google, "Image understanding", Gemini 2: 258 if both sides are at most 384, else 258 per crop.
    Gemini2,
    /// Qwen2-VL's and Qwen2.5-VL's processor: squares of 28 pixels, 4 to 16384 of them, and two markers.
    Qwen,
    /// Fixed cost per image, whatever its size.
    Flat(u64),
}

/// Detail level of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Low,
    High,
    /// Not specified, or left to the model.
    Auto,
}

impl ImagePricing {
    /// Returns the tokens of an image of that size.
    pub(super) fn tokens(self, size: Size, detail: Detail) -> u64 {
        let (width, height) = (u64::from(size.width), u64::from(size.height));
        match self {
            ImagePricing::Tiles { base, .. } if detail == Detail::Low => base,
            ImagePricing::Tiles { base, tile } => {
                let (longer, shorter) = (width.max(height), width.min(height));
                // The minimum of 1, 2048 / longer and 768 / shorter, as a fraction.
                let scales = [(1, 1), (2048, longer), (768, shorter)];
                let (num, den) = scales.into_iter().fold((1, 1), |a, b| if b.0 * a.1 < a.0 * b.1 { b } else { a });
                let squares = |side: u64| (side * num).div_ceil(den * 512);
                base + tile * squares(width) * squares(height)
            }
            ImagePricing::Patches { hundredths, low, high, auto } => {
                let budget = match detail {
                    Detail::Low => low,
                    Detail::High => high,
                    Detail::Auto => auto,
                };
                (patches(width, height, budget) * hundredths).div_ceil(100)
            }
            ImagePricing::Claude { edge, most } => squares_that_fit(size, edge, most),
            ImagePricing::Gemini2 if width <= 384 && height <= 384 => 258,
            ImagePricing::Gemini2 => {
                // A crop is two thirds of the shorter side.
                let unit = (width.min(height) * 2 / 3).clamp(256, 768);
                258 * width.div_ceil(unit) * height.div_ceil(unit)
            }
            ImagePricing::Qwen => {
                let squares = |side: u64| ((side + 14) / 28).max(1);
                (squares(width) * squares(height)).clamp(4, 16_384) + 2
            }
            ImagePricing::Flat(tokens) => tokens,
        }
    }

    /// Returns the tokens of an image of unknown size, taken as 1024 by 1024.
    pub(super) fn unknown(self, detail: Detail) -> u64 {
        self.tokens(Size { width: 1024, height: 1024 }, detail)
    }
}

/// Returns the squares of 32 pixels that cover the image, at most `budget`. OpenAI, "Images and vision", gives the
/// method: scale by the square root of the excess, then until one side is a whole number of squares.
fn patches(width: u64, height: u64, budget: u64) -> u64 {
    let whole = width.div_ceil(32) * height.div_ceil(32);
    if whole <= budget {
        return whole;
    }
    let (width, height) = (width as f64 / 32.0, height as f64 / 32.0);
    let shrink = (budget as f64 / (width * height)).sqrt();
    let fit = |side: f64| (side * shrink).floor().max(1.0) / (side * shrink);
    let shrink = shrink * fit(width).min(fit(height));
    // Rounding may have left a whole number slightly too large.
    let squares = |side: f64| (side * shrink - 1e-6).ceil().max(1.0) as u64;
    (squares(width) * squares(height)).min(budget)
}

/// Returns the maximum number of 28-pixel squares that cover an image of this shape, with its longer side at most
/// `edge` and at most `most` squares.
fn squares_that_fit(size: Size, edge: u32, most: u64) -> u64 {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let squares = |scale: f64| {
        let side = |side: f64| (side * scale / 28.0 - 1e-9).ceil().max(1.0) as u64;
        side(width) * side(height)
    };
    let mut high = (f64::from(edge) / width.max(height)).min(1.0);
    if squares(high) <= most {
        return squares(high);
    }
    let mut low = 0.0;
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if squares(middle) <= most {
            low = middle;
        } else {
            high = middle;
        }
    }
    squares(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR_O: ImagePricing = ImagePricing::Tiles { base: 85, tile: 170 };
    const MINI: ImagePricing = ImagePricing::Patches { hundredths: 100, low: 1536, high: 1536, auto: 1536 };
    const FIVE: ImagePricing = ImagePricing::Patches { hundredths: 120, low: 256, high: 2500, auto: 10_000 };
    const SIX: ImagePricing = ImagePricing::Patches { hundredths: 120, low: 256, high: 2500, auto: u64::MAX };
    const CLAUDE: ImagePricing = ImagePricing::Claude { edge: 1568, most: 1568 };
    const CLAUDE_LARGE: ImagePricing = ImagePricing::Claude { edge: 2576, most: 4784 };

    #[test]
    fn published_and_measured_images() {
        use Detail::{Auto, High, Low};
        let cases: &[(ImagePricing, u32, u32, Detail, u64)] = &[
            // OpenAI, "Images and vision": the worked examples of the page.
            (FOUR_O, 1024, 1024, High, 765),
            (FOUR_O, 2048, 4096, High, 1105),
            (FOUR_O, 4096, 8192, Low, 85),
            (FOUR_O, 512, 512, High, 255),
            (MINI, 1024, 1024, Auto, 1024),
            (MINI, 1800, 2400, Auto, 1452),
            // Measured by users: "Image input token cost by resolution" (Hugging Face, JOHNISKING/image-token-cost),
            // GPT-5.5 and GPT-6.
            (FIVE, 256, 256, Auto, 77),
            (FIVE, 512, 512, Auto, 308),
            (FIVE, 768, 768, Auto, 692),
            (FIVE, 1024, 1024, Auto, 1229),
            (FIVE, 1280, 720, Auto, 1104),
            (FIVE, 1920, 1080, Auto, 2448),
            (FIVE, 1080, 1920, Auto, 2448),
            (FIVE, 2560, 1440, Auto, 4320),
            (FIVE, 3840, 2160, Auto, 9792),
            (FIVE, 4032, 3024, Auto, 11_868),
            (SIX, 4032, 3024, Auto, 14_364),
            (SIX, 2560, 1440, High, 2931),
            (SIX, 4032, 3024, High, 2942),
            // The same, Claude 4.5, less the 65 tokens of its text, and Claude 5.5, less 77.
            (CLAUDE, 256, 256, Auto, 165 - 65),
            (CLAUDE, 512, 512, Auto, 426 - 65),
            (CLAUDE, 768, 768, Auto, 849 - 65),
            (CLAUDE, 1024, 1024, Auto, 1434 - 65),
            (CLAUDE, 1280, 720, Auto, 1261 - 65),
            (CLAUDE, 1920, 1080, Auto, 1625 - 65),
            (CLAUDE_LARGE, 256, 256, Auto, 177 - 77),
            (CLAUDE_LARGE, 1280, 720, Auto, 1273 - 77),
            (CLAUDE_LARGE, 1080, 1920, Auto, 2768 - 77),
            // Google, "Image understanding": the worked example of the page.
            (ImagePricing::Gemini2, 960, 540, Auto, 6 * 258),
            (ImagePricing::Gemini2, 384, 384, Auto, 258),
        ];
        for &(images, width, height, detail, expected) in cases {
            assert_eq!(images.tokens(Size { width, height }, detail), expected, "{images:?} {width}x{height}");
        }
    }

    #[test]
    fn extreme_sizes_have_bounded_costs() {
        let all = [
            FOUR_O,
            MINI,
            FIVE,
            SIX,
            CLAUDE,
            CLAUDE_LARGE,
            ImagePricing::Gemini2,
            ImagePricing::Qwen,
            ImagePricing::Flat(9),
        ];
        for images in all {
            for (width, height) in [(1, 1), (1, u32::MAX), (u32::MAX, 1), (u32::MAX, u32::MAX), (1, 70_000), (33, 1)] {
                for detail in [Detail::Low, Detail::High, Detail::Auto] {
                    let tokens = images.tokens(Size { width, height }, detail);
                    assert!(tokens > 0);
                    match images {
                        ImagePricing::Patches { hundredths, auto, .. } if auto < u64::MAX => {
                            assert!(tokens <= auto * hundredths / 100)
                        }
                        ImagePricing::Claude { most, .. } => assert!(tokens <= most),
                        _ => {}
                    }
                }
            }
        }
    }
}
