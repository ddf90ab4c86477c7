//! What the recorder writes: events in order, what they make of consultations, offers and sessions, evidence, chat.
use serde::{Deserialize, Serialize};
use sqlx::{Any, Transaction};
use yunfa_signaling::{
    ids::{ConsultationId, LegId, MessageId, SessionId},
    milestone::{Event, Milestone},
    private::ChatText,
    time::Timestamp,
    words::{ConsultationState, OfferState, Role, SessionState},
};

use super::{
    StorageError, Store,
    keys::{Place, Sealed},
    matters,
    nodes::Lease,
    row::{Columns, statements},
    thirds,
};
use crate::{
    crash_point::crash_point,
    domain::{evidence::Evidence, rating::Stars},
};

statements! {
    INSERT_EVENT = "INSERT INTO events (consultation, version, name, at, mono_us, body) VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (consultation, version) DO NOTHING";
    EVENT = "SELECT consultation AS id, at, body FROM events WHERE consultation = $1 AND version = $2";
    EVENTS = "SELECT consultation AS id, version, at, mono_us, body FROM events WHERE consultation = $1 ORDER BY version";
    OPEN = "INSERT INTO consultations (id, version, state, citizen, practice_area, area, channel, identity_mode, consent_version, \
        entry_source, device, owner_node, owner_epoch, created_at, changed_at) \
        VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)";
    /// The compare-and-set that keeps the versions of a consultation without gaps.
    ADVANCE = "UPDATE consultations SET version = $2, changed_at = $3 WHERE id = $1 AND version = $2 - 1";
    SET_STATE = "UPDATE consultations SET state = $2 WHERE id = $1";
    MAKE_OFFER = "INSERT INTO offers (id, consultation, lawyer, round, state, created_at, rank, route_mode, tier) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    SEE_OFFER = "UPDATE offers SET seen_at = $2 WHERE id = $1";
    DELIVER_OFFER = "UPDATE offers SET state = $2, delivered_at = $3 WHERE id = $1";
    DECIDE_OFFER = "UPDATE offers SET state = $2, decided_at = $3, latency_ms = $4, reason = $5 WHERE id = $1";
    /// A session is first heard of when its state changes or when it is accepted, whichever comes first.
    PUT_SESSION = "INSERT INTO sessions (id, consultation, state, channel, created_at, chat_lines, legal_aid_prompted, owner_node, owner_epoch) \
        VALUES ($1, $2, $3, (SELECT channel FROM consultations WHERE id = $2), $4, 0, 0, $5, $6) ON CONFLICT (id) DO NOTHING";
    ACCEPT = "UPDATE sessions SET lawyer = $2, accepted_at = $3 WHERE id = $1";
    SET_SESSION_STATE = "UPDATE sessions SET state = $2 WHERE id = $1";
    START_SESSION = "UPDATE sessions SET started_at = COALESCE(started_at, $2) WHERE id = $1";
    SET_CHANNEL = "UPDATE sessions SET channel = $2 WHERE id = $1";
    COUNT_LINE = "UPDATE sessions SET chat_lines = $2 WHERE id = $1";
    END_SESSION = "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1";
    SET_OUTCOME = "UPDATE sessions SET outcome = $2, outcome_at = $3, legal_aid_prompted = $4, referral_type = $5 WHERE id = $1";
    RATE = "INSERT INTO ratings (consultation, stars, rated_at, lawyer_connected) VALUES ($1, $2, $3, \
        (SELECT COUNT(*) FROM sessions WHERE consultation = $1 AND state IN ('ACTIVE', 'RECONNECTING'))) \
        ON CONFLICT (consultation) DO NOTHING";
    /// A newer checkpoint replaces an older one, never the other way round, and nothing replaces the last one.
    CHECKPOINT = "INSERT INTO checkpoints (session, seq, two_way_s, complete, body, at, owner_node, owner_epoch) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (session) DO UPDATE SET seq = excluded.seq, two_way_s = excluded.two_way_s, \
        complete = excluded.complete, body = excluded.body, at = excluded.at, owner_node = excluded.owner_node, \
        owner_epoch = excluded.owner_epoch WHERE checkpoints.seq < excluded.seq AND checkpoints.complete = 0";
    EVIDENCE = "SELECT session AS id, body FROM checkpoints WHERE session = $1";
    INSERT_LINE = "INSERT INTO chat_lines (session, id, number, leg, role, at, chars, text_sealed) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (session, id) DO NOTHING";
    LINES = "SELECT id, session, number, leg, role, at, text_sealed FROM chat_lines WHERE session = $1 ORDER BY number";
    OWN = "UPDATE consultations SET owner_node = $2, owner_epoch = $3 WHERE id = $1";
    KNOWN = "SELECT COUNT(*) AS n FROM consultations WHERE id = $1";
}

/// One chat line on its way to the store, where its text is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLine {
    /// Which session.
    pub session: SessionId,
    /// The sender's id of the line.
    pub message: MessageId,
    /// Its number, from 1.
    pub number: u32,
    /// By whom.
    pub from: LegId,
    /// Citizen or lawyer.
    pub role: Role,
    /// When the server received it.
    pub at: Timestamp,
    /// The line.
    pub text: ChatText,
}

/// Something to be written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// An event.
    Event(Box<Milestone>),
    /// A chat line.
    Chat(Box<ChatLine>),
    /// The newest evidence of a session.
    Evidence(Box<Evidence>),
    /// Nobody holds this matter any more.
    LeftOpen(ConsultationId),
}

impl Entry {
    /// Whose event it is; nothing for what is no event.
    pub fn consultation(&self) -> Option<ConsultationId> {
        match self {
            Self::Event(milestone) => Some(milestone.consultation),
            Self::Chat(_) | Self::Evidence(_) | Self::LeftOpen(_) => None,
        }
    }
}

impl Store {
    /// Writes all entries or none, in order, in one transaction of `lease`. Entries that are written already are passed
    /// over, so that a caller who did not hear the answer may ask again.
    pub async fn write_down(&self, lease: &Lease, entries: &[Entry], now: Timestamp) -> Result<(), StorageError> {
        self.write_down_for(lease, lease, entries, now).await
    }

    /// The same in the name of `owner`: what the last run kept in its journal stays without a living owner.
    pub async fn write_down_for(
        &self,
        lease: &Lease,
        owner: &Lease,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let mut tx = self.begin_as(lease).await?;
        for entry in entries {
            match entry {
                Entry::Event(milestone) => append(&mut tx, owner, milestone).await.map(drop)?,
                Entry::Chat(line) => self.put_line(&mut tx, line).await?,
                Entry::Evidence(evidence) => checkpoint(&mut tx, owner, evidence, now).await?,
                Entry::LeftOpen(consultation) => own(&mut tx, *consultation, &owner.node, NOBODY).await?,
            }
        }
        crash_point("facts-uncommitted");
        Ok(tx.commit().await?)
    }

    /// The events of a consultation, in order.
    pub async fn events(&self, consultation: ConsultationId) -> Result<Vec<Milestone>, StorageError> {
        let rows = sqlx::query(EVENTS).bind(consultation.to_string()).fetch_all(self.read()).await?;
        rows.iter().map(milestone).collect()
    }

    /// The newest durable evidence of a session.
    pub async fn evidence(&self, session: SessionId) -> Result<Option<Evidence>, StorageError> {
        let row = sqlx::query(EVIDENCE).bind(session.to_string()).fetch_optional(self.read()).await?;
        row.map(|row| Columns::of("checkpoints", &row).json("body")).transpose()
    }

    /// The chat of a session, opened, in order; for its participants only.
    pub async fn chat(&self, session: SessionId) -> Result<Vec<ChatLine>, StorageError> {
        let rows = sqlx::query(LINES).bind(session.to_string()).fetch_all(self.read()).await?;
        rows.iter()
            .map(|row| {
                let of = Columns::of("chat_lines", row);
                let message: MessageId = of.parsed("id")?;
                let sealed = Sealed::from_bytes(of.bytes("text_sealed")?);
                let text = self.keys().open_text(text_of(&line_key(session, message)), &sealed)?;
                Ok(ChatLine {
                    session,
                    message,
                    number: of.count("number")?,
                    from: of.parsed("leg")?,
                    role: of.parsed("role")?,
                    at: of.time("at")?,
                    text: ChatText::new(text),
                })
            })
            .collect()
    }

    /// Whether there ever was a consultation of this id; ids are minted by clients, and a used one is not used again.
    pub async fn is_known(&self, consultation: ConsultationId) -> Result<bool, StorageError> {
        let row = sqlx::query(KNOWN).bind(consultation.to_string()).fetch_one(self.read()).await?;
        Ok(Columns::of("consultations", &row).int("n")? > 0)
    }

    async fn put_line(&self, tx: &mut Transaction<'static, Any>, line: &ChatLine) -> Result<(), StorageError> {
        let key = line_key(line.session, line.message);
        let sealed = self.keys().seal_text(text_of(&key), line.text.expose())?;
        sqlx::query(INSERT_LINE)
            .bind(line.session.to_string())
            .bind(line.message.to_string())
            .bind(i64::from(line.number))
            .bind(line.from.to_string())
            .bind(line.role.as_str())
            .bind(line.at.0)
            .bind(i64::try_from(line.text.expose().chars().count()).unwrap_or(i64::MAX))
            .bind(sealed.into_bytes())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

fn line_key(session: SessionId, message: MessageId) -> String {
    format!("{session}/{message}")
}

const fn text_of(row: &str) -> Place<'_> {
    Place { table: "chat_lines", row, column: "text_sealed" }
}

/// The events of a consultation as this transaction sees them.
pub(super) async fn events_in(
    tx: &mut Transaction<'static, Any>,
    consultation: ConsultationId,
) -> Result<Vec<Milestone>, StorageError> {
    let rows = sqlx::query(EVENTS).bind(consultation.to_string()).fetch_all(&mut **tx).await?;
    rows.iter().map(milestone).collect()
}

/// The newest evidence of a session as this transaction sees it.
pub(super) async fn evidence_in(
    tx: &mut Transaction<'static, Any>,
    session: SessionId,
) -> Result<Option<Evidence>, StorageError> {
    let row = sqlx::query(EVIDENCE).bind(session.to_string()).fetch_optional(&mut **tx).await?;
    row.map(|row| Columns::of("checkpoints", &row).json("body")).transpose()
}

fn milestone(row: &sqlx::any::AnyRow) -> Result<Milestone, StorageError> {
    let of = Columns::of("events", row);
    Ok(Milestone {
        consultation: of.parsed("id")?,
        version: u64::try_from(of.int("version")?).map_err(|error| of.wrong("version", error))?,
        at: of.time("at")?,
        mono_us: u64::try_from(of.int("mono_us")?).map_err(|error| of.wrong("mono_us", error))?,
        event: of.json("body")?,
    })
}

/// Appends one event and what it makes of the consultation, its offers and sessions; `false` when it was there already.
pub(super) async fn append(
    tx: &mut Transaction<'static, Any>,
    owner: &Lease,
    milestone: &Milestone,
) -> Result<bool, StorageError> {
    let Milestone { consultation, version, at, mono_us, event } = milestone;
    let id = consultation.to_string();
    let number = i64::try_from(*version).unwrap_or(i64::MAX);
    let body = serde_json::to_string(event).expect("events are always JSON");
    let inserted = sqlx::query(INSERT_EVENT)
        .bind(&id)
        .bind(number)
        .bind(event.name())
        .bind(at.0)
        .bind(i64::try_from(*mono_us).unwrap_or(i64::MAX))
        .bind(&body)
        .execute(&mut **tx)
        .await?;
    if inserted.rows_affected() == 0 {
        is_the_same(tx, milestone, &body).await?;
        return Ok(false);
    }
    let opens = matches!(event, Event::Opened { .. });
    let follows = opens && *version == 1
        || !opens
            && sqlx::query(ADVANCE).bind(&id).bind(number).bind(at.0).execute(&mut **tx).await?.rows_affected() == 1;
    if !follows {
        return Err(StorageError::OutOfOrder { consultation: *consultation, version: *version });
    }
    project(tx, owner, &id, *at, event).await?;
    Ok(true)
}

/// An event that is stored already is fine when it is this one.
async fn is_the_same(
    tx: &mut Transaction<'static, Any>,
    milestone: &Milestone,
    body: &str,
) -> Result<(), StorageError> {
    let Milestone { consultation, version, at, .. } = milestone;
    let row = sqlx::query(EVENT)
        .bind(consultation.to_string())
        .bind(i64::try_from(*version).unwrap_or(i64::MAX))
        .fetch_one(&mut **tx)
        .await?;
    let of = Columns::of("events", &row);
    if of.text("body")? == body && of.time("at")? == *at {
        Ok(())
    } else {
        Err(StorageError::Conflict { consultation: *consultation, version: *version })
    }
}

/// Brings the rows up to date with one event; one arm per kind.
async fn project(
    tx: &mut Transaction<'static, Any>,
    owner: &Lease,
    consultation: &str,
    at: Timestamp,
    event: &Event,
) -> Result<(), StorageError> {
    let query = match event {
        Event::Opened {
            citizen,
            practice_area,
            area,
            channel,
            identity_mode,
            consent_version,
            entry_source,
            device,
            ..
        } => sqlx::query(OPEN)
            .bind(consultation)
            .bind(ConsultationState::Open.as_str())
            .bind(citizen.to_string())
            .bind(practice_area.as_str())
            .bind(area.as_str())
            .bind(channel.as_str())
            .bind(identity_mode.as_str())
            .bind(consent_version)
            .bind(entry_source.as_deref())
            .bind(device.as_str())
            .bind(&owner.node)
            .bind(owner.epoch)
            .bind(at.0),
        Event::StateChanged { to, .. } => sqlx::query(SET_STATE).bind(consultation).bind(to.as_str()),
        Event::OfferMade { offer, lawyer, round, rank, mode, tier } => sqlx::query(MAKE_OFFER)
            .bind(offer.to_string())
            .bind(consultation)
            .bind(lawyer.to_string())
            .bind(i64::from(*round))
            .bind(OfferState::Pending.as_str())
            .bind(at.0)
            .bind(i64::from(*rank))
            .bind(mode.as_str())
            .bind(tier.as_str()),
        Event::OfferSeen { offer, .. } => sqlx::query(SEE_OFFER).bind(offer.to_string()).bind(at.0),
        // Every offer says how it was routed.
        Event::Routed { .. } => return Ok(()),
        // What goes on was linked when it was opened.
        Event::Continued { .. } => return Ok(()),
        Event::OfferChanged { offer, to: OfferState::Delivered, .. } => {
            sqlx::query(DELIVER_OFFER).bind(offer.to_string()).bind(OfferState::Delivered.as_str()).bind(at.0)
        }
        Event::OfferChanged { offer, to, latency_ms, reason, .. } => sqlx::query(DECIDE_OFFER)
            .bind(offer.to_string())
            .bind(to.as_str())
            .bind(at.0)
            .bind(i64::try_from(*latency_ms).unwrap_or(i64::MAX))
            .bind(reason.map(|reason| reason.as_str())),
        Event::Accepted { lawyer, session, .. } => {
            put_session(tx, owner, consultation, *session, SessionState::Connecting, at).await?;
            sqlx::query(ACCEPT).bind(session.to_string()).bind(lawyer.to_string()).bind(at.0)
        }
        Event::SessionChanged { session, to, .. } => {
            put_session(tx, owner, consultation, *session, *to, at).await?;
            if *to == SessionState::Active {
                sqlx::query(START_SESSION).bind(session.to_string()).bind(at.0).execute(&mut **tx).await?;
            }
            sqlx::query(SET_SESSION_STATE).bind(session.to_string()).bind(to.as_str())
        }
        // Legs and what they typed live are folded from the events when the record is sealed; nobody asks for them before.
        Event::LegChanged { .. } | Event::TypedLive { .. } => return Ok(()),
        Event::ChannelChanged { session, to } => sqlx::query(SET_CHANNEL).bind(session.to_string()).bind(to.as_str()),
        Event::ThirdInvited { .. }
        | Event::ThirdConsented { .. }
        | Event::ThirdClosed { .. }
        | Event::ThirdRemoved { .. } => return thirds::follow(tx, at, event).await,
        Event::ChatSaid { session, number, .. } => {
            sqlx::query(COUNT_LINE).bind(session.to_string()).bind(i64::from(*number))
        }
        Event::SessionEnded { session, reason } => {
            sqlx::query(END_SESSION).bind(session.to_string()).bind(at.0).bind(reason.as_str())
        }
        Event::OutcomeRecorded { session, outcome, legal_aid_prompted, referral_type } => sqlx::query(SET_OUTCOME)
            .bind(session.to_string())
            .bind(outcome.as_str())
            .bind(at.0)
            .bind(i64::from(*legal_aid_prompted))
            .bind(referral_type.map(|referral| referral.as_str())),
        Event::Rated { stars } => {
            let stars =
                Stars::try_from(*stars).map_err(|error| StorageError::inconsistent("ratings", consultation, error))?;
            sqlx::query(RATE).bind(consultation).bind(i64::from(u8::from(stars))).bind(at.0)
        }
    };
    query.execute(&mut **tx).await?;
    matters::follow(tx, consultation, at, event).await
}

async fn put_session(
    tx: &mut Transaction<'static, Any>,
    owner: &Lease,
    consultation: &str,
    session: SessionId,
    state: SessionState,
    at: Timestamp,
) -> Result<(), StorageError> {
    sqlx::query(PUT_SESSION)
        .bind(session.to_string())
        .bind(consultation)
        .bind(state.as_str())
        .bind(at.0)
        .bind(&owner.node)
        .bind(owner.epoch)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The epoch of nobody: leases begin with 1.
const NOBODY: i64 = 0;

/// Says who holds a matter.
pub(super) async fn own(
    tx: &mut Transaction<'static, Any>,
    consultation: ConsultationId,
    node: &str,
    epoch: i64,
) -> Result<(), StorageError> {
    sqlx::query(OWN).bind(consultation.to_string()).bind(node).bind(epoch).execute(&mut **tx).await?;
    Ok(())
}

async fn checkpoint(
    tx: &mut Transaction<'static, Any>,
    owner: &Lease,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), StorageError> {
    sqlx::query(CHECKPOINT)
        .bind(evidence.session.to_string())
        .bind(i64::try_from(evidence.seq).unwrap_or(i64::MAX))
        .bind(i64::from(evidence.two_way_s()))
        .bind(i64::from(evidence.complete))
        .bind(serde_json::to_string(evidence).expect("evidence is always JSON"))
        .bind(now.0)
        .bind(&owner.node)
        .bind(owner.epoch)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
