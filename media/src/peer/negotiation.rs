//! From a client's one offer to our one answer: which m-lines are sources, and which are receive slots.
mod answer;
mod codec;
mod offer;
#[cfg(test)]
mod tests;

pub(crate) use answer::Ours;
pub(crate) use codec::{Codec, Coding};
pub(crate) use offer::{Extensions, Fingerprint, MAX_SSRCS, Offer};

use crate::{
    dice::Dice,
    fact::{MediaKind, SlotKind},
};

/// A source that the client publishes.
#[derive(Clone, Debug)]
pub(crate) struct SourcePlan {
    /// Audio or video.
    pub kind: MediaKind,
    /// Microphone, camera or shared screen: which kind of slot shows it.
    pub role: SlotKind,
    /// The m-line.
    pub mid: String,
    /// Its codec.
    pub codec: Codec,
    /// Its header extensions.
    pub extensions: Extensions,
    /// Its SSRC, if declared.
    pub ssrc: Option<u32>,
    /// The SSRC of its retransmissions, if declared.
    pub rtx_ssrc: Option<u32>,
}

/// A receive slot of the client.
#[derive(Clone, Debug)]
pub(crate) struct SlotPlan {
    /// What it is for.
    pub kind: SlotKind,
    /// Its place among the slots of its kind.
    pub place: usize,
    /// The m-line.
    pub mid: String,
    /// Its codecs; what it shows comes in one of them.
    pub codecs: Vec<Codec>,
    /// Its header extensions.
    pub extensions: Extensions,
    /// The SSRC under which it is sent, whatever it shows.
    pub ssrc: u32,
    /// The SSRC of its retransmissions.
    pub rtx_ssrc: Option<u32>,
    /// Canonical name in SDES and in the answer.
    pub cname: String,
}

impl SlotPlan {
    /// How the client understands media that is coded like this; `None` if it does not.
    pub(crate) fn codec(&self, coding: Coding) -> Option<&Codec> {
        self.codecs.iter().find(|codec| codec.coding == coding)
    }
}

/// What an offer comes to.
pub(crate) struct Plan {
    /// Feedback goes without a report in front of it (RFC 5506): all m-lines allow it.
    pub reduced_size: bool,
    /// In order of the m-lines.
    pub sources: Vec<SourcePlan>,
    /// In order of the m-lines.
    pub slots: Vec<SlotPlan>,
}

impl Plan {
    /// Deals out the m-lines: what the client sends is microphone, camera, screen in this order; of several videos that
    /// it only receives the last is the screen.
    pub(crate) fn of(offer: &Offer, dice: &mut Dice) -> Self {
        let accepted = || offer.sections.iter().filter_map(|s| s.accepted.as_ref().map(|a| (s, a)));
        let only_received =
            || accepted().filter(|(_, a)| a.kind == MediaKind::Video && a.receives && !a.sends).map(|(s, _)| &s.mid);
        let screen = only_received().next_back().filter(|_| only_received().count() > 1);
        let name = dice.letters(12);

        let reduced_size = accepted().all(|(_, accepted)| accepted.reduced_size);
        let mut plan = Self { reduced_size, sources: Vec::new(), slots: Vec::new() };
        for (section, accepted) in accepted() {
            let mid = section.mid.clone();
            if let Some(codec) = accepted.codecs.first().filter(|_| accepted.sends) {
                let role = match accepted.kind {
                    MediaKind::Audio => SlotKind::Audio,
                    MediaKind::Video if plan.sources.iter().any(|s| s.kind == MediaKind::Video) => SlotKind::Screen,
                    MediaKind::Video => SlotKind::Video,
                };
                plan.sources.push(SourcePlan {
                    kind: accepted.kind,
                    role,
                    mid: mid.clone(),
                    codec: codec.clone(),
                    extensions: accepted.extensions,
                    ssrc: accepted.ssrc,
                    rtx_ssrc: accepted.rtx_ssrc,
                });
            }
            if accepted.receives {
                let kind = match accepted.kind {
                    MediaKind::Audio => SlotKind::Audio,
                    MediaKind::Video if screen == Some(&mid) => SlotKind::Screen,
                    MediaKind::Video => SlotKind::Video,
                };
                let place = plan.slots.iter().filter(|slot| slot.kind == kind).count();
                let stream = if kind == SlotKind::Screen { "screen".to_owned() } else { format!("seat-{place}") };
                plan.slots.push(SlotPlan {
                    kind,
                    place,
                    mid,
                    codecs: accepted.codecs.clone(),
                    extensions: accepted.extensions,
                    ssrc: dice.ssrc(),
                    rtx_ssrc: accepted.codecs.iter().any(|codec| codec.rtx.is_some()).then(|| dice.ssrc()),
                    cname: format!("{name}-{stream}"),
                });
            }
        }
        plan
    }

    /// Prints the answer.
    pub(crate) fn answer(&self, offer: &Offer, ours: &Ours<'_>) -> String {
        let announced: Vec<_> = self
            .slots
            .iter()
            .map(|slot| answer::Announced {
                mid: slot.mid.clone(),
                stream: slot.cname.clone(),
                cname: slot.cname.clone(),
                ssrc: slot.ssrc,
                rtx_ssrc: slot.rtx_ssrc,
            })
            .collect();
        answer::print(offer, ours, &announced)
    }
}
