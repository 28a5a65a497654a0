//! What a teacher says.

/// softmax(z / T): the probabilities of logits, softened by a temperature above 1.
pub fn softened(logits: &[f32], temperature: f32) -> impl Iterator<Item = f32> + Clone {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let power = move |&z: &f32| ((z - max) / temperature).exp();
    let total: f32 = logits.iter().map(power).sum();
    logits.iter().map(move |z| power(z) / total)
}

#[cfg(test)]
mod tests {
    /// By hand: z = (0, 2 ln 3) at T = 2 is softmax(0, ln 3) = (¼, ¾).
    #[test]
    fn probabilities_by_hand() {
        let p: Vec<f32> = super::softened(&[0.0, 2.0 * 3f32.ln()], 2.0).collect();
        assert!((p[0] - 0.25).abs() < 1e-6 && (p[1] - 0.75).abs() < 1e-6);
        let huge: Vec<f32> = super::softened(&[-3e38, 3e38], 1.0).collect();
        assert_eq!(huge, [0.0, 1.0]);
    }
}
