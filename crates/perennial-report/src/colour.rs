//! Colours: computed, so that lightness alone tells the order of a ramp (for every kind of
//! colour vision, and in grey print) and contrast can be tested instead of believed.

use std::fmt;

/// A colour of the screen, 8 bits a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rgb(u8, u8, u8);

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

impl Rgb {
    pub(crate) const WHITE: Self = Self(255, 255, 255);
    pub(crate) const BLACK: Self = Self(0, 0, 0);

    /// The colour of this lightness (0 … 1), chroma and hue (degrees) in `OKLCh`, by the matrices
    /// of B. Ottosson (2020), "A perceptual color space for image processing"; channels beyond
    /// the screen's are cut off.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
    fn oklch(lightness: f64, chroma: f64, hue: f64) -> Self {
        let (b, a) = hue.to_radians().sin_cos();
        let (a, b) = (a * chroma, b * chroma);
        let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
        let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
        let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
        let channel = |linear: f64| {
            let linear = linear.clamp(0.0, 1.0);
            let encoded = if linear <= 0.003_130_8 {
                12.92 * linear
            } else {
                1.055 * linear.powf(1.0 / 2.4) - 0.055
            };
            (encoded * 255.0).round() as u8
        };
        Self(
            channel(4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s),
            channel(-1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s),
            channel(-0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701 * s),
        )
    }

    /// Relative luminance, 0 … 1 (WCAG 2).
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Whether black text stands out from it more than white text: one of them always has at
    /// least 4.5, which is what WCAG 2 AA asks.
    pub(crate) fn wants_black_text(self) -> bool {
        // White wins below the luminance where both contrasts are equal.
        self.luminance() > 0.179
    }

    /// Contrast of two colours, 1 … 21 (WCAG 2).
    #[cfg(test)]
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

/// The colours of the page by name, on a light page and on a dark one.
pub(crate) const THEME: [(&str, [Rgb; 2]); 8] = [
    ("page", [Rgb::WHITE, Rgb(0x15, 0x18, 0x1c)]),
    ("ink", [Rgb(0x1a, 0x1d, 0x21), Rgb(0xe6, 0xe9, 0xed)]),
    ("soft", [Rgb(0x59, 0x61, 0x69), Rgb(0xa3, 0xad, 0xb8)]),
    ("rule", [Rgb(0xd5, 0xda, 0xe0), Rgb(0x3a, 0x41, 0x4a)]),
    ("tint", [Rgb(0xf2, 0xf4, 0xf7), Rgb(0x1f, 0x24, 0x2a)]),
    ("link", [Rgb(0x0b, 0x57, 0xa4), Rgb(0x8e, 0xc1, 0xf5)]),
    ("baseline", [Rgb(0x8c, 0x4a, 0x00), Rgb(0xf0, 0xb3, 0x6b)]),
    ("reference", [Rgb(0x1a, 0x1d, 0x21), Rgb(0xe6, 0xe9, 0xed)]),
];

/// A colour of the page; that of text for a name that is none.
pub(crate) fn theme(name: &str) -> [Rgb; 2] {
    THEME.iter().find(|(of, _)| *of == name).map_or(THEME[1].1, |(_, colours)| *colours)
}

/// The ramp of the heat maps at `t` in 0 … 1: from a dark blue through green to a light yellow,
/// lightness rising evenly.
pub(crate) fn ramp(t: f64) -> Rgb {
    let t = t.clamp(0.0, 1.0);
    // Less chroma at the ends, where the screen has little of it.
    let chroma = 0.075 + 0.06 * (std::f64::consts::PI * t).sin() + 0.03 * t;
    Rgb::oklch(0.24 + 0.70 * t, chroma, 275.0 - 170.0 * t)
}

/// Colour `index` of `of` for lines of an order (the tasks of a stream), readable on a light
/// page and on a dark one.
#[expect(clippy::cast_precision_loss, reason = "tasks are few")]
pub(crate) fn ordered(index: usize, of: usize) -> [Rgb; 2] {
    let t = if of < 2 { 0.5 } else { index as f64 / (of - 1) as f64 };
    // The ends of the ramp that melt into the page are left out.
    [ramp(0.05 + 0.52 * t), ramp(0.5 + 0.5 * t)]
}

/// How many lines [`distinct`] tells apart by colour; further ones differ by their dashes.
pub(crate) const DISTINCT: usize = 7;

/// Colour `index` for lines without an order, on a light page and on a dark one: neighbours
/// differ in lightness too.
pub(crate) fn distinct(index: usize) -> [Rgb; 2] {
    const HUES: [f64; DISTINCT] = [255.0, 45.0, 150.0, 335.0, 85.0, 205.0, 300.0];
    let index = index % DISTINCT;
    let step = [0.0, 0.09, 0.045][index % 3];
    let hue = HUES[index];
    [Rgb::oklch(0.47 + step, 0.14, hue), Rgb::oklch(0.84 - step, 0.12, hue)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2 AA: text on the page and on its tinted parts, light and dark.
    #[test]
    fn text_is_readable_on_both_pages() {
        for name in ["ink", "soft", "link", "baseline", "reference"] {
            for page in [0, 1] {
                for ground in ["page", "tint"] {
                    let contrast = theme(name)[page].contrast(theme(ground)[page]);
                    assert!(contrast >= 4.5, "{name} on {ground} of page {page}: {contrast}");
                }
            }
        }
    }

    #[test]
    fn the_ramp_is_readable_at_every_step() {
        let mut last = -1.0;
        for i in 0..=100 {
            let colour = ramp(f64::from(i) / 100.0);
            let text = if colour.wants_black_text() { Rgb::BLACK } else { Rgb::WHITE };
            assert!(colour.contrast(text) >= 4.5, "AA at {i}: {colour}");
            assert!(colour.luminance() > last, "the ramp rises at {i}");
            last = colour.luminance();
        }
    }

    #[test]
    fn lines_stand_out_from_both_pages() {
        let lines = (0..20).map(|i| ordered(i, 20)).chain((0..DISTINCT).map(distinct));
        for [light, dark] in lines {
            let [white, black] = theme("page");
            assert!(light.contrast(white) >= 3.0, "{light} on white");
            assert!(dark.contrast(black) >= 3.0, "{dark} on dark");
        }
    }

    #[test]
    fn known_values() {
        assert_eq!(Rgb::oklch(1.0, 0.0, 0.0), Rgb::WHITE);
        assert_eq!(Rgb::oklch(0.0, 0.0, 0.0), Rgb::BLACK);
        // sRGB red lies at L .62796, C .25768, h 29.234° of OKLCh.
        assert_eq!(Rgb::oklch(0.627_96, 0.257_68, 29.234), Rgb(255, 0, 0));
        assert!((Rgb::BLACK.contrast(Rgb::WHITE) - 21.0).abs() < 1e-9);
    }
}
