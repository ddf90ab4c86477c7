//! The sound that synthetic microphones send: syllables made by a small voice model, encoded by the real Opus encoder.
use std::{f32::consts::TAU, sync::OnceLock};

use bytes::Bytes;
use opus::{Application, Channels, Encoder};

/// Samples per second (RFC 7587: the RTP clock of Opus).
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples, and RTP ticks, of one frame of 20 ms.
pub const FRAME_SAMPLES: usize = 960;
/// Frames of the loop: four seconds.
const FRAMES: usize = 200;
/// Bits per second; what browsers choose for speech.
const BITRATE: i32 = 32_000;
/// Longest Opus frame (RFC 6716 section 3.4).
const MAX_FRAME: usize = 1275;

/// One encoded frame and how loud it is.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The Opus packet.
    pub packet: Bytes,
    /// RFC 6464: 0 is loudest, 127 is silence, in −dBov.
    pub level: u8,
}

/// The loop of frames, encoded once per process.
///
/// # Errors
///
/// When the Opus encoder cannot be set up.
pub fn frames() -> Result<&'static [Frame], &'static str> {
    static VOICE: OnceLock<Result<Vec<Frame>, String>> = OnceLock::new();
    VOICE.get_or_init(|| encode().map_err(|error| error.to_string())).as_deref().map_err(String::as_str)
}

fn encode() -> opus::Result<Vec<Frame>> {
    let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
    encoder.set_bitrate(opus::Bitrate::Bits(BITRATE))?;
    encoder.set_inband_fec(true)?;
    encoder.set_packet_loss_perc(5)?;
    (0..FRAMES)
        .map(|frame| {
            let samples: Vec<f32> = (0..FRAME_SAMPLES).map(|at| sample(frame * FRAME_SAMPLES + at)).collect();
            let packet = encoder.encode_vec_float(&samples, MAX_FRAME)?;
            Ok(Frame { packet: packet.into(), level: level(&samples) })
        })
        .collect()
}

/// A glottal tone of 110 to 150 Hz with two formants, in four syllables a second and a breath at the end of the loop.
fn sample(at: usize) -> f32 {
    let time = at as f32 / SAMPLE_RATE as f32;
    let syllable = (time * 4.0).fract();
    let breath = if time % 4.0 > 3.6 { 0.02 } else { 1.0 };
    let envelope = (syllable * TAU / 2.0).sin().max(0.0).powf(0.6) * breath;
    let pitch = 130.0 + 20.0 * (time * 0.5 * TAU).sin();
    let vowel = 500.0 + 250.0 * ((time * 4.0).floor() * 1.7).sin();
    let harmonic = |number: f32| {
        let frequency = pitch * number;
        let near = |formant: f32, width: f32| 1.0 / (1.0 + ((frequency - formant) / width).powi(2));
        (near(vowel, 120.0) + 0.5 * near(1_500.0 + vowel, 250.0) + 0.05 / number) * (frequency * time * TAU).sin()
    };
    0.12 * envelope * (1u8..=20).map(|number| harmonic(f32::from(number))).sum::<f32>()
}

fn level(samples: &[f32]) -> u8 {
    let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32;
    let decibels = -10.0 * power.max(1e-13).log10();
    decibels.clamp(0.0, 127.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voice_is_real_opus_that_decodes_to_sound() {
        let mut decoder = opus::Decoder::new(SAMPLE_RATE, Channels::Mono).unwrap();
        let mut samples = vec![0.0; FRAME_SAMPLES];

        let mut loud = 0;
        for frame in frames().unwrap() {
            let length = decoder.decode_float(&frame.packet, &mut samples, false).unwrap();
            assert_eq!(length, FRAME_SAMPLES);
            loud += usize::from(level(&samples) < 50);
        }

        assert!(loud > FRAMES * 7 / 10, "{loud} of {FRAMES} frames can be heard");
    }

    #[test]
    fn the_breath_is_quieter_than_the_syllables() {
        let frames = frames().unwrap();

        assert!(frames[5].level < 40, "{}", frames[5].level);
        assert!(frames[195].level > frames[5].level + 20, "{}", frames[195].level);
    }
}
