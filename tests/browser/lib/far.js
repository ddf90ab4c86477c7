// The other side of a scripted call: a drawn face and a tone, sent by a connection inside the same page.

/** Answers every offer of the page, so that something is seen and heard in it; call it before anything is offered. */
export function answerOffers(page, server) {
  server.on('joinMedia', async ({ attempt, offer }) => {
    const answer = await page.evaluate(answerWith, offer).catch(error => {
      // A page may offer once more while its test closes it.
      if (!/has been closed/.test(error.message)) throw error
      return null
    })
    if (answer) server.say({ type: 'mediaAnswer', attempt, answer })
  })
}

/** Where the two are heard and seen: the first of the page's voices and of its pictures. */
export const VOICE = { mid: '2', kind: 'AUDIO' }
export const PICTURE = { mid: '5', kind: 'VIDEO' }

/** Runs in the page. */
async function answerWith(offer) {
  const far = new RTCPeerConnection()
  // Kept, so that it is not collected.
  window.far = [...(window.far ?? []), far]
  await far.setRemoteDescription({ type: 'offer', sdp: offer })
  const canvas = document.createElement('canvas')
  ;[canvas.width, canvas.height] = [640, 480]
  const pen = canvas.getContext('2d')
  const draw = () => {
    pen.fillStyle = '#c9b8a0'
    pen.fillRect(0, 0, 640, 480)
    pen.fillStyle = '#7a5a44'
    pen.beginPath()
    pen.arc(320, 210, 110, 0, 7)
    pen.fill()
    pen.fillRect(150, 350, 340, 130)
  }
  draw()
  setInterval(draw, 100)
  const [face] = canvas.captureStream(10).getTracks()
  const context = new AudioContext()
  const tone = context.createOscillator()
  const sink = context.createMediaStreamDestination()
  tone.connect(sink)
  tone.start()
  const [voice] = sink.stream.getTracks()
  for (const transceiver of far.getTransceivers()) {
    const track = { 2: voice, 5: face }[transceiver.mid]
    if (!track) continue
    transceiver.direction = 'sendonly'
    await transceiver.sender.replaceTrack(track)
  }
  await far.setLocalDescription()
  await new Promise(done => {
    const gathered = () => far.iceGatheringState === 'complete' && done()
    far.addEventListener('icegatheringstatechange', gathered)
    gathered()
  })
  return far.localDescription.sdp
}
