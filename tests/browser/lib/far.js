// The other side of a scripted call: a drawn face and a tone, sent by a connection inside the same page.

/**
 * Answers every offer of the page, so that something is seen and heard in it; call it before anything is offered. Promises
 * where that is: the first of the page's voices and of its pictures.
 */
export function answerOffers(page, server) {
  return new Promise(known => {
    server.on('joinMedia', async ({ attempt, offer }) => {
      const slots = { voice: slotIn(offer, 'AUDIO'), picture: slotIn(offer, 'VIDEO') }
      known(slots)
      const mids = { voice: slots.voice.mid, face: slots.picture.mid }
      const answer = await page.evaluate(answerWith, { offer, mids }).catch(error => {
        // A page may offer once more while its test closes it.
        if (!/has been closed/.test(error.message)) throw error
        return null
      })
      if (answer) server.say({ type: 'mediaAnswer', attempt, answer })
    })
  })
}

/** The first section of a kind in which the page receives; a page that can share a screen sends in one more. */
function slotIn(offer, kind) {
  const section = offer.split(/^m=/m).find(one => one.startsWith(kind.toLowerCase()) && one.includes('a=recvonly'))
  return { mid: section.match(/^a=mid:(\S+)/m)[1], kind }
}

/** Runs in the page. */
async function answerWith({ offer, mids }) {
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
    const track = { [mids.voice]: voice, [mids.face]: face }[transceiver.mid]
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
