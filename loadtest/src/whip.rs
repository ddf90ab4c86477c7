//! Scenario `whip`: one publisher and many viewers at a WHIP/WHEP server, and what a delivered packet costs it in CPU time.
use std::{
    fs,
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use reqwest::{Client, StatusCode, Url, header};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::{
    peer::{MediaPeer, Shape},
    received::Received,
};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(20);
/// What passes between the last connection and the measurement.
const SETTLE: Duration = Duration::from_secs(2);
/// Connections that are being set up at one time.
const AT_ONCE: usize = 8;
/// `USER_HZ`: in what `/proc/PID/stat` counts on Linux, on every architecture we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server, for example `http://127.0.0.1:8090`.
    pub url: Url,
    /// The room.
    pub room: String,
    /// How many watch.
    pub viewers: usize,
    /// How long it is measured.
    pub time: Duration,
    /// The server's process, to read its CPU time and memory.
    pub pid: Option<u32>,
}

/// What it came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// How many watched.
    pub viewers: usize,
    /// Packets that all viewers together received in the time.
    pub delivered: u64,
    /// The same per second.
    pub per_second: f64,
    /// Payload bytes per packet.
    pub bytes_per_packet: f64,
    /// Part of the packets that never came.
    pub loss: f64,
    /// VP8 frames that came whole, and those with a hole.
    pub frames: (u64, u64),
    /// The server's CPU time, in parts of one core.
    pub cores: Option<f64>,
    /// The server's CPU time per delivered packet, in microseconds.
    pub cpu_us_per_packet: Option<f64>,
    /// The server's resident memory at the end, in MiB.
    pub rss_mib: Option<f64>,
}

/// A client of a WHIP or WHEP resource.
pub struct Resource {
    /// The media connection.
    pub peer: MediaPeer,
    http: Client,
    location: Url,
}

impl Resource {
    /// Posts an offer to `endpoint`, takes the answer and connects (RFC 9725 section 4.2).
    ///
    /// # Errors
    ///
    /// When the server refuses or media does not connect.
    pub async fn create(http: &Client, endpoint: Url, shape: Shape) -> anyhow::Result<Self> {
        let local: IpAddr = if endpoint.host_str() == Some("[::1]") {
            [0, 0, 0, 0, 0, 0, 0, 1u16].into()
        } else {
            [127, 0, 0, 1].into()
        };
        let mut peer = MediaPeer::new(shape, local).await?;
        let offer = peer.offer().await?;
        let request = http.post(endpoint.clone()).header(header::CONTENT_TYPE, "application/sdp").body(offer);
        let response = request.send().await?;
        let status = response.status();
        let location =
            response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok().map(str::to_owned));
        let answer = response.text().await?;
        ensure!(status == StatusCode::CREATED, "{endpoint} answered {status}: {answer}");
        let location = endpoint.join(&location.context("the answer has no Location")?)?;
        peer.answer(answer).await?;
        peer.connected(CONNECT).await?;
        Ok(Self { peer, http: http.clone(), location })
    }

    /// Ends it at the server and here; the answer is the server's status.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached.
    pub async fn delete(&self) -> anyhow::Result<StatusCode> {
        let status = self.http.delete(self.location.clone()).send().await?.status();
        self.peer.close().await?;
        Ok(status)
    }
}

/// Runs the plan.
///
/// # Errors
///
/// When a connection fails or the process cannot be read.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let http = Client::builder().timeout(CONNECT).build()?;
    let whip = plan.url.join(&format!("/whip/{}", plan.room))?;
    let whep = plan.url.join(&format!("/whep/{}", plan.room))?;
    let publisher = Resource::create(&http, whip, Shape::PUBLISHER).await.context("the publisher")?;
    let mut viewers = Vec::with_capacity(plan.viewers);
    let mut joining = JoinSet::new();
    for _ in 0..plan.viewers {
        let (http, whep) = (http.clone(), whep.clone());
        joining.spawn(async move { Resource::create(&http, whep, Shape::VIEWER).await });
        if joining.len() == AT_ONCE
            && let Some(viewer) = joining.join_next().await
        {
            viewers.push(viewer?.context("a viewer")?);
        }
    }
    while let Some(viewer) = joining.join_next().await {
        viewers.push(viewer?.context("a viewer")?);
    }
    tokio::time::sleep(SETTLE).await;

    viewers.iter().for_each(|viewer| drop(viewer.peer.take_received()));
    let before = plan.pid.map(cpu_seconds).transpose()?;
    let begun = Instant::now();
    tokio::time::sleep(plan.time).await;
    let after = plan.pid.map(cpu_seconds).transpose()?;
    let time = begun.elapsed().as_secs_f64();
    let mut sum = Received::default();
    viewers.iter().for_each(|viewer| sum.add(viewer.peer.take_received()));
    let rss_mib = plan.pid.map(rss_mib).transpose()?;

    for resource in viewers.iter().chain([&publisher]) {
        let status = resource.delete().await?;
        ensure!(status == StatusCode::OK, "DELETE answered {status}");
    }
    let delivered = sum.audio.packets + sum.video.packets;
    let cpu = before.zip(after).map(|(before, after)| after - before);
    Ok(Outcome {
        viewers: plan.viewers,
        delivered,
        per_second: delivered as f64 / time,
        bytes_per_packet: (sum.audio.bytes + sum.video.bytes) as f64 / delivered.max(1) as f64,
        loss: sum.loss(),
        frames: (sum.video.frames, sum.video.broken),
        cores: cpu.map(|cpu| cpu / time),
        cpu_us_per_packet: cpu.map(|cpu| cpu * 1e6 / delivered.max(1) as f64),
        rss_mib,
    })
}

/// User and system time of a process (proc_pid_stat(5), fields 14 and 15).
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid}"))?;
    // The name in brackets may hold anything, also brackets and blanks.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

fn rss_mib(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_time_and_memory_of_a_process_can_be_read() {
        let pid = std::process::id();

        assert!(cpu_seconds(pid).unwrap() >= 0.0);
        assert!(rss_mib(pid).unwrap() > 0.1);
    }
}
