//! One peer's DTLS (RFC 5764): behind the gate, under one made-up address, resent by our own timer.
//!
//! `rtc-dtls` sees one peer under a constant address, so a client whose address changes needs nothing from it. It loses
//! its own retransmission timer when any handshake record arrives, so the last flight is kept here and sent again
//! verbatim: records that did arrive fall to the client's replay window, the missing ones are accepted.
use std::{
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::digest;
use bytes::BytesMut;
use rtc_dtls::{
    config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig},
    crypto::Certificate,
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use rtc_shared::{TransportProtocol, error::Error};

use super::{
    gate::{DtlsGate, Passage, begins_handshake},
    negotiation::Fingerprint,
};
use crate::{
    error::MediaError,
    srtp::{EXPORTER_LABEL, Open, Profile, Seal, Side},
};

/// The address under which `rtc-dtls` knows every peer, and us.
const CONSTANT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 9));
/// First wait before a flight is sent again; it doubles each time.
const FIRST_RESEND: Duration = Duration::from_millis(100);
/// How often a flight is sent again.
const MAX_RESENDS: u32 = 7;
/// Datagrams of a ClientHello that are kept for the second profile; with post-quantum keys it takes two.
const MAX_HELLOS: usize = 4;

/// The worker's certificate and its two handshake configurations. `rtc-dtls` follows the client's order of SRTP
/// profiles, so each configuration knows only one and the better is tried first.
pub(crate) struct Identity {
    gcm: Arc<HandshakeConfig>,
    cm80: Arc<HandshakeConfig>,
    /// SHA-256 of the certificate, as the answer prints it.
    pub fingerprint: String,
}

impl Identity {
    /// Makes a certificate.
    pub(crate) fn new() -> Result<Self, MediaError> {
        let provider = rtc_crypto::default_provider().map_err(|_| MediaError::Stopped)?;
        let certificate = Certificate::generate_self_signed(vec!["yunfa".to_owned()], provider.crypto())
            .map_err(|_| MediaError::Stopped)?;
        let der = certificate.certificate.first().ok_or(MediaError::Stopped)?;
        let mut fingerprint = String::new();
        for (i, byte) in digest::digest(&digest::SHA256, der).as_ref().iter().enumerate() {
            let colon = if i == 0 { "" } else { ":" };
            write!(fingerprint, "{colon}{byte:02X}").expect("a String takes whatever is written to it");
        }
        let config = |profile| {
            ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate.clone()])
                .with_srtp_protection_profiles(vec![profile])
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .build(false, None)
                .map(Arc::new)
                .map_err(|_| MediaError::Stopped)
        };
        Ok(Self {
            gcm: config(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm)?,
            cm80: config(SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80)?,
            fingerprint,
        })
    }
}

/// What a datagram led to.
pub(crate) enum Progress {
    /// Nothing that anybody else needs to know.
    Going,
    /// The client has proven its certificate; media may be opened and sealed.
    Done(Box<(Open, Seal)>),
    /// The certificate is not the one of the offer. Nothing has been said to the client about success.
    WrongCertificate,
    /// The client said goodbye.
    Closed,
}

/// One peer's handshake, and afterwards its ear for close_notify.
pub(crate) struct Dtls {
    endpoint: Endpoint,
    config: Arc<HandshakeConfig>,
    gate: DtlsGate,
    fingerprint: Fingerprint,
    done: bool,
    /// ClientHellos that the first profile was tried with, to try the second with.
    hellos: Vec<Vec<u8>>,
    fell_back: bool,
    /// The last flight, datagram by datagram.
    flight: Vec<BytesMut>,
    resends: u32,
    resend_at: Option<Instant>,
}

impl Dtls {
    /// Waits for the ClientHello of the client whose certificate hashes to `fingerprint`.
    pub(crate) fn new(identity: &Identity, fingerprint: Fingerprint, now: Instant) -> Self {
        Self {
            endpoint: endpoint(&identity.gcm),
            config: identity.gcm.clone(),
            gate: DtlsGate::new(now),
            fingerprint,
            done: false,
            hellos: Vec::new(),
            fell_back: false,
            flight: Vec::new(),
            resends: 0,
            resend_at: None,
        }
    }

    /// Takes a datagram from a proven address; what is to be sent is given to `send`.
    pub(crate) fn read(
        &mut self,
        identity: &Identity,
        datagram: &[u8],
        now: Instant,
        mut send: impl FnMut(&[u8]),
    ) -> Progress {
        match self.gate.judge(datagram, now) {
            Passage::Stopped => return Progress::Going,
            Passage::Repeat => {
                self.flight.iter().for_each(|datagram| send(datagram));
                return Progress::Going;
            }
            Passage::Through => {}
        }
        if self.flight.is_empty() && begins_handshake(datagram) {
            // rtc-dtls takes a ClientHello that it cannot read for good and ignores the next. As long as none was
            // answered, each begins anew.
            self.endpoint = endpoint(&self.config);
            self.hellos.clear();
        }
        if !self.done && !self.fell_back && self.hellos.len() < MAX_HELLOS {
            self.hellos.push(datagram.to_vec());
        }
        let events = match self.endpoint.read(now, CONSTANT, None, BytesMut::from(datagram)) {
            Ok(events) => events,
            Err(Error::ErrServerNoMatchingSrtpProfile) if !self.fell_back => self.fall_back(identity, now),
            // Whatever was wrong with it, it ends nothing but itself: a forged ClientHello must not keep the true one
            // out. An established association has no handshake left to spoil.
            Err(_) if !self.done => {
                self.endpoint = endpoint(&self.config);
                return Progress::Going;
            }
            Err(_) => return Progress::Going,
        };
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => match self.complete() {
                    Some(keys) => {
                        self.take_flight(now, &mut send);
                        self.resend_at = None;
                        return Progress::Done(keys);
                    }
                    None => return Progress::WrongCertificate,
                },
                EndpointEvent::PeerClosed => return Progress::Closed,
                _ => {}
            }
        }
        if !self.done {
            self.take_flight(now, &mut send);
        }
        Progress::Going
    }

    /// Feeds the ClientHello to the other SRTP profile.
    fn fall_back(&mut self, identity: &Identity, now: Instant) -> Vec<EndpointEvent> {
        self.fell_back = true;
        self.config = identity.cm80.clone();
        // With the endpoint goes the alert that it had queued.
        self.endpoint = endpoint(&self.config);
        let mut events = Vec::new();
        for hello in std::mem::take(&mut self.hellos) {
            match self.endpoint.read(now, CONSTANT, None, BytesMut::from(&hello[..])) {
                Ok(more) => events.extend(more),
                Err(_) => self.endpoint = endpoint(&self.config),
            }
        }
        events
    }

    /// Keys, if the certificate is right. Our Finished is still in the endpoint when this is decided, and stays there
    /// if it is not: a wrong client must never believe itself connected.
    fn complete(&mut self) -> Option<Box<(Open, Seal)>> {
        let state = self.endpoint.get_connection_state(CONSTANT)?;
        let certificate = state.peer_certificates.first()?;
        if !self.fingerprint.matches(certificate) {
            return None;
        }
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Profile::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Profile::Aes128CmSha1_80,
            _ => return None,
        };
        let material = state.export_keying_material(EXPORTER_LABEL, &[], profile.keying_len()).ok()?;
        let keys = crate::srtp::pair(profile, material.as_ref(), Side::Server).ok()?;
        self.done = true;
        self.gate.completed();
        self.hellos = Vec::new();
        Some(Box::new(keys))
    }

    /// Sends what the endpoint has to say and keeps it as the last flight.
    fn take_flight(&mut self, now: Instant, send: &mut impl FnMut(&[u8])) {
        let mut fresh = false;
        while let Some(transmit) = self.endpoint.poll_transmit() {
            if !fresh {
                self.flight.clear();
                fresh = true;
            }
            send(&transmit.message);
            self.flight.push(transmit.message);
        }
        if fresh {
            self.resends = 0;
            self.resend_at = Some(now + FIRST_RESEND);
        }
    }

    /// When the last flight is due again.
    pub(crate) fn resend_at(&self) -> Option<Instant> {
        self.resend_at
    }

    /// Sends the last flight again if it is due.
    pub(crate) fn resend(&mut self, now: Instant, mut send: impl FnMut(&[u8])) {
        if self.resend_at.is_none_or(|at| at > now) {
            return;
        }
        self.flight.iter().for_each(|datagram| send(datagram));
        self.resends += 1;
        self.resend_at = (self.resends < MAX_RESENDS).then(|| now + FIRST_RESEND * 2_u32.pow(self.resends));
    }

    /// Says goodbye to a client that is connected.
    pub(crate) fn close(&mut self, now: Instant, mut send: impl FnMut(&[u8])) {
        // Without keys an alert is a cleartext datagram that anybody could have sent: say nothing.
        if self.done && self.endpoint.close(now).is_ok() {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                send(&transmit.message);
            }
        }
    }
}

fn endpoint(config: &Arc<HandshakeConfig>) -> Endpoint {
    Endpoint::new(CONSTANT, TransportProtocol::UDP, Some(config.clone()))
}
