// The words and messages of the socket, generated from the Rust types of signaling/src; do not edit.
// After a change there: make types (that is `YUNFA_WRITE_TYPES=1 cargo test -p yunfa-signaling --test types`).

/** The version of this protocol. */
export const PROTOCOL_VERSION = 1;

/** Longest socket message in bytes. */
export const MAX_MESSAGE_BYTES = 65536;

/** Longest chat line in characters. */
export const MAX_CHAT_CHARS = 2000;

/** Chat lines a session may hold. */
export const MAX_CHAT_LINES = 5000;

/** How long a broken socket may be resumed, in seconds. */
export const RESUME_SECONDS = 60;

/**
 * An official division code: 12 digits, county, town or village (GB/T 2260 and GB/T 10114 widened to 12 by the statistics bureau).
 */
export type AreaCode = string;

/**
 * How a consultation is held.
 */
export type Channel = "text" | "voice" | "video";

/**
 * One chat line.
 */
export type ChatText = string;

/**
 * One message of a client with its own id; the server answers it with `done` or `error` carrying that id.
 */
export type ClientFrame = { 
/**
 * Chosen by the client; the same id again is answered again but done once.
 */
id: RequestId, } & ClientMessage;

/**
 * Everything a client may say, one variant per message.
 */
export type ClientMessage = { "type": "hello", 
/**
 * `PROTOCOL_VERSION`.
 */
version: number, 
/**
 * A single-use ticket of `POST /api/ws-ticket`, 30 s old at most.
 */
ticket: Token, 
/**
 * What the client runs on.
 */
device: DeviceClass, } | { "type": "resume", 
/**
 * `PROTOCOL_VERSION`.
 */
version: number, 
/**
 * The token of `welcome`.
 */
resumeToken: Token, 
/**
 * The last `seq` the client has handled.
 */
lastSeq: number, 
/**
 * Rises by one with each attempt; an attempt with a lower epoch than one seen is refused.
 */
epoch: number, } | { "type": "ping", } | { "type": "setPresence", 
/**
 * Whether the desk may be rung.
 */
onDuty: boolean, 
/**
 * On duty but paused.
 */
onBreak: boolean, 
/**
 * At a visit: not to be rung, but not away either.
 */
onSite: boolean, } | { "type": "requestConsultation", 
/**
 * Minted by the client; asking twice with one id is one consultation.
 */
consultation: ConsultationId, 
/**
 * What it is about.
 */
practiceArea: PracticeArea, 
/**
 * The asker's village, town or county.
 */
area: AreaCode, 
/**
 * How to talk.
 */
channel: Channel, 
/**
 * The lawyer the asker chose, who rings alone first.
 */
lawyer: LawyerId | null, } | { "type": "cancelConsultation", 
/**
 * Which one.
 */
consultation: ConsultationId, } | { "type": "keepWaiting", 
/**
 * Which one.
 */
consultation: ConsultationId, } | { "type": "callMeBack", 
/**
 * Which one.
 */
consultation: ConsultationId, } | { "type": "answerCall", 
/**
 * Which one.
 */
session: SessionId, } | { "type": "offerDelivered", 
/**
 * Which one.
 */
offer: OfferId, } | { "type": "offerSeen", 
/**
 * Which one.
 */
offer: OfferId, } | { "type": "acceptOffer", 
/**
 * Which one.
 */
offer: OfferId, } | { "type": "declineOffer", 
/**
 * Which one.
 */
offer: OfferId, 
/**
 * Why.
 */
reason: DeclineReason, } | { "type": "takeOver", } | { "type": "joinMedia", 
/**
 * Rises by one with each offer; an answer carries it back, a lower one than the last is ignored.
 */
attempt: number, 
/**
 * The offer: microphone, camera, receive slots.
 */
offer: Sdp, } | { "type": "setDevices", 
/**
 * The microphone.
 */
microphone: DeviceState, 
/**
 * The camera.
 */
camera: DeviceState, 
/**
 * The screen, while it is shared; clients that cannot share one do not say it.
 */
screen: DeviceState, } | { "type": "fallBack", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * The channel to go on with; never above the one agreed.
 */
channel: Channel, } | { "type": "proposeChannel", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * The channel to go on with; above the present one.
 */
channel: Channel, } | { "type": "answerChannel", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * The channel that was proposed.
 */
channel: Channel, 
/**
 * Whether to go on with it.
 */
accept: boolean, } | { "type": "inviteThird", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Who, of those who are on duty and free.
 */
lawyer: LawyerId, 
/**
 * As what.
 */
part: Part, } | { "type": "answerInvitation", 
/**
 * Which one.
 */
invitation: InvitationId, 
/**
 * Whether to go on with it.
 */
accept: boolean, } | { "type": "removeThird", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Whose leg.
 */
leg: LegId, } | { "type": "sendChat", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Minted by the client; sending twice with one id is one line.
 */
message: MessageId, 
/**
 * At most `MAX_CHAT_CHARS` characters, not blank.
 */
text: ChatText, } | { "type": "typeText", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * So many characters (Unicode scalar values) of the line stay as they are.
 */
keep: number, 
/**
 * What follows them; with them at most `MAX_CHAT_CHARS` characters.
 */
text: ChatText, } | { "type": "readChat", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * The number of the last line read.
 */
upTo: number, } | { "type": "hangUp", 
/**
 * Which one.
 */
session: SessionId, } | { "type": "recordOutcome", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * The outcome code; never `MISSING`.
 */
outcome: Outcome, 
/**
 * The asker was told of legal aid (法律援助法 Art. 23).
 */
legalAidPrompted: boolean, 
/**
 * Where the asker was sent on to, beside advice; an outcome that is a referral says it itself.
 */
referralType: ReferralType | null, } | { "type": "rate", 
/**
 * Which matter.
 */
consultation: ConsultationId, 
/**
 * 1..=5.
 */
stars: number, };

/**
 * One matter (一事): the unit of record, file and rating. Minted by the asker's client, so that asking twice is one matter.
 */
export type ConsultationId = string;

/**
 * Where a consultation (咨询事项) stands.
 */
export type ConsultationState = "OPEN" | "MATCHING" | "ASSIGNED" | "IN_SERVICE" | "ANSWERED" | "CLOSED" | "UNSERVED" | "ON_HOLD" | "CANCELLED";

/**
 * A consultation as its asker sees it.
 */
export type ConsultationView = { 
/**
 * Which one.
 */
id: ConsultationId, 
/**
 * Where it stands.
 */
state: ConsultationState, 
/**
 * What it is about.
 */
practiceArea: PracticeArea, 
/**
 * How to talk.
 */
channel: Channel, 
/**
 * How a lawyer is looked for, while one is.
 */
routeMode: RouteMode | null, 
/**
 * When it was asked.
 */
createdAt: Timestamp, 
/**
 * Desks that ring right now.
 */
ringing: number, 
/**
 * The lawyer whom the asker chose cannot take this matter, and will not be rung for it.
 */
chosenCannot: boolean, 
/**
 * Nobody came: until when the asker may choose what to do. `UNSERVED` without it is final.
 */
choiceUntil: Timestamp | null, };

/**
 * Why a lawyer declined an offer.
 */
export type DeclineReason = "BUSY" | "CONFLICT_OF_INTEREST" | "OUT_OF_FIELD" | "OTHER";

/**
 * What a client runs on (`device_class`).
 */
export type DeviceClass = "DESKTOP" | "MOBILE" | "KIOSK" | "WEB";

/**
 * Whether a microphone or camera sends.
 */
export type DeviceState = "ON" | "OFF" | "ABSENT";

/**
 * Why a session ended.
 */
export type EndReason = "CITIZEN_HUNG_UP" | "LAWYER_HUNG_UP" | "CONNECTION_LOST" | "THIRD_PARTY_LEFT" | "THIRD_PARTY_REMOVED" | "NO_MEDIA" | "NOT_ANSWERED" | "ABANDONED" | "MISSED" | "TOO_LONG" | "SUPERVISOR_ENDED" | "ASKER_BLOCKED" | "SERVER_STOPPED";

/**
 * Why a request was refused: stable words, the same on the socket and in `problem+json`.
 */
export type ErrorCode = "bad-message" | "too-large" | "too-many" | "rate-limited" | "unsupported-version" | "unauthenticated" | "not-allowed" | "not-found" | "resume-lost" | "stale-epoch" | "already-waiting" | "taken" | "not-free" | "offer-over" | "over" | "unexpected" | "media-refused" | "already-rated" | "blocked" | "draining" | "overloaded" | "unavailable" | "internal";

/**
 * How grave a matter is (分级): from the third on the office is told.
 */
export type Grade = "NORMAL" | "ATTENTION" | "SENSITIVE" | "MAJOR";

/**
 * Why an invitation is over.
 */
export type InvitationClosed = "joined" | "refused" | "withdrawn" | "declined" | "lapsed" | "over";

/**
 * One invitation of a third party into a session, and the leg that it promises.
 */
export type InvitationId = string;

/**
 * A third party who is to come, as those in the session see it.
 */
export type InvitationView = { 
/**
 * Which one; the leg will have the same id.
 */
id: InvitationId, 
/**
 * The name that is shown.
 */
name: PersonName, 
/**
 * As what.
 */
part: Part, 
/**
 * The asker has agreed: it rings there. Until then the asker is asked.
 */
agreed: boolean, 
/**
 * When it lapses.
 */
until: Timestamp, };

/**
 * An invitation as who is invited sees it: nothing about the asker.
 */
export type InvitedView = { 
/**
 * Which one.
 */
id: InvitationId, 
/**
 * The name of the lawyer who invites.
 */
by: PersonName, 
/**
 * As what.
 */
part: Part, 
/**
 * What it is about.
 */
practiceArea: PracticeArea, 
/**
 * How they talk now.
 */
channel: Channel, 
/**
 * The name of the town or village.
 */
locality: string, 
/**
 * When it lapses.
 */
until: Timestamp, };

/**
 * One provider of advice (律师): the account that answers.
 */
export type LawyerId = string;

/**
 * One participant's connection in a session.
 */
export type LegId = string;

/**
 * Where a leg (通话腿) stands.
 */
export type LegState = "INVITED" | "JOINING" | "CONNECTED" | "INTERRUPTED" | "LEFT" | "KICKED" | "TIMED_OUT";

/**
 * One participant as the others see it.
 */
export type LegView = { 
/**
 * Which leg.
 */
leg: LegId, 
/**
 * Citizen or lawyer.
 */
role: Role, 
/**
 * Of a third party: as what it is there.
 */
part: Part | null, 
/**
 * A lawyer's name, a citizen's alias.
 */
name: PersonName, 
/**
 * Where it stands.
 */
state: LegState, 
/**
 * Whether it can be heard.
 */
microphone: DeviceState, 
/**
 * Whether it can be seen.
 */
camera: DeviceState, 
/**
 * `ON` while it shares its screen.
 */
screen: DeviceState, };

/**
 * One chat line, minted by its sender's client, so that sending twice is one line.
 */
export type MessageId = string;

/**
 * Why an offer is closed for a desk.
 */
export type OfferClosed = "taken" | "cancelled" | "expired" | "declined" | "acceptedElsewhere" | "withdrawn";

/**
 * One ring of one lawyer for one consultation.
 */
export type OfferId = string;

/**
 * An offer as a desk sees it: area, channel, locality; nothing about the person.
 */
export type OfferView = { 
/**
 * Which one.
 */
id: OfferId, 
/**
 * What it is about.
 */
practiceArea: PracticeArea, 
/**
 * How to talk.
 */
channel: Channel, 
/**
 * Alone or beside others: whether the asker chose this lawyer.
 */
routeMode: RouteMode, 
/**
 * How grave the matter is.
 */
grade: Grade, 
/**
 * The asker does not wait: whoever accepts calls back.
 */
callBack: boolean, 
/**
 * The name of the town or village.
 */
locality: string, 
/**
 * When it was made.
 */
createdAt: Timestamp, 
/**
 * When the ring stops by itself.
 */
expiresAt: Timestamp, };

/**
 * What came of a service (outcome code). `Missing` is the server's own, after 24 h without one.
 */
export type Outcome = "ADVICE_GIVEN" | "ADVICE_PARTIAL" | "REFER_LEGAL_AID" | "REFER_MEDIATION" | "REFER_NOTARY" | "REFER_AGENCY" | "REFER_OFFLINE" | "CONFLICT_OF_INTEREST" | "OUT_OF_SCOPE" | "DROPPED" | "CITIZEN_LEFT" | "ABUSE" | "DUPLICATE" | "TEST" | "MISSING";

/**
 * What a third party in a session is there as.
 */
export type Part = "SECOND_LAWYER" | "HELPER" | "INTERPRETER" | "GUARDIAN" | "MEDIATOR";

/**
 * A person's name or alias, as the other side sees it.
 */
export type PersonName = string;

/**
 * The twelve practice areas (业务板块); `Other` is a fall-back, not a section.
 */
export type PracticeArea = "FAMILY" | "LABOUR" | "CONTRACT" | "DEBT" | "TRAFFIC" | "TORT" | "LAND" | "HOUSING" | "CRIMINAL" | "ADMIN" | "MED_EDU_CONSUMER" | "ENTERPRISE_IP" | "OTHER";

/**
 * Whether a lawyer can be rung (presence).
 */
export type Presence = "OFFLINE" | "ONLINE" | "AVAILABLE" | "RINGING" | "BUSY" | "WRAP_UP" | "BREAK" | "ON_SITE";

/**
 * A greater channel that one side wants, or that both want and that is being set up.
 */
export type ProposalView = { 
/**
 * Whose wish it is.
 */
by: LegId, 
/**
 * The channel that is wanted.
 */
channel: Channel, 
/**
 * Both want it: transports are being set up, and the two go on by text until both are there.
 */
agreed: boolean, 
/**
 * When it lapses.
 */
until: Timestamp, };

/**
 * What is new about a text question.
 */
export type QuestionChange = "open" | "taken" | "reminder" | "changed";

/**
 * A place in the queue.
 */
export type QueueView = { 
/**
 * Whose.
 */
consultation: ConsultationId, 
/**
 * 1 is next.
 */
place: number, 
/**
 * Lawyers on duty who may be rung, free or not.
 */
onDuty: number, 
/**
 * What is to be expected, in seconds, while all of them are occupied; from the last handling times.
 */
expectedS: number | null, 
/**
 * When the server gives up ringing, so that the page can show it.
 */
until: Timestamp, };

/**
 * One sealed service record.
 */
export type RecordId = string;

/**
 * Where an asker was sent on to (referral type).
 */
export type ReferralType = "LEGAL_AID" | "MEDIATION" | "NOTARY" | "AGENCY" | "OFFLINE";

/**
 * What one side reports of the other (举报).
 */
export type ReportCause = "INSULT" | "THREAT" | "HARASSMENT" | "SOLICITATION" | "DISRUPTION" | "ILLEGAL" | "PRIVACY" | "OTHER";

/**
 * One request of a client; the same id again is the same request.
 */
export type RequestId = string;

/**
 * Who acts: the roles of the policy table.
 */
export type Role = "CITIZEN" | "LAWYER" | "DISPATCHER" | "FINANCE" | "SUPERVISOR" | "FIRM_ADMIN";

/**
 * How a lawyer is looked for (route mode).
 */
export type RouteMode = "DIRECT" | "BROADCAST" | "AUTO_VILLAGE" | "APPOINTMENT";

/**
 * A session description (RFC 8866): it holds addresses and keys' fingerprints.
 */
export type Sdp = string;

/**
 * One message of the server with its place in the stream.
 */
export type ServerFrame = { 
/**
 * Rises by one with each message of a connection and its resumptions; 0 for `pong` and for what precedes `welcome`, which are never replayed.
 */
seq: number, } & ServerMessage;

/**
 * Everything the server says, one variant per message.
 */
export type ServerMessage = { "type": "welcome" } & Welcome | { "type": "resumed", 
/**
 * The attempt that was accepted.
 */
epoch: number, } | { "type": "pong", } | { "type": "done", 
/**
 * The request's id.
 */
replyTo: RequestId, } | { "type": "error", 
/**
 * The request's id, when one could be read.
 */
replyTo: RequestId | null, 
/**
 * Stable, for programs.
 */
code: ErrorCode, 
/**
 * One English sentence a developer can act on; pages say their own words for the code.
 */
message: string, 
/**
 * With `overloaded` and `unavailable`: seconds after which to come back, and then at a random moment of the next second.
 */
retryAfter: number | null, } | { "type": "presence", 
/**
 * What it is now.
 */
presence: Presence, 
/**
 * Rings missed in a row; two make a break.
 */
missedRings: number, } | { "type": "consultation" } & ConsultationView | { "type": "queue" } & QueueView | { "type": "offered" } & OfferView | { "type": "offerClosed", 
/**
 * Which one.
 */
offer: OfferId, 
/**
 * Why.
 */
reason: OfferClosed, } | { "type": "session" } & SessionView | { "type": "mediaAnswer", 
/**
 * The attempt it answers.
 */
attempt: number, 
/**
 * The answer.
 */
answer: Sdp, } | { "type": "slots", 
/**
 * The slots in use.
 */
slots: Array<SlotView>, } | { "type": "mediaLost", } | { "type": "invited" } & InvitedView | { "type": "invitationClosed", 
/**
 * Which one.
 */
invitation: InvitationId, 
/**
 * Why.
 */
reason: InvitationClosed, } | { "type": "chat", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * The sender's id of the line.
 */
message: MessageId, 
/**
 * Its number in the session, from 1.
 */
number: number, 
/**
 * Who wrote it.
 */
from: LegId, 
/**
 * The line.
 */
text: ChatText, 
/**
 * When the server received it.
 */
at: Timestamp, } | { "type": "typed", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Who writes.
 */
from: LegId, 
/**
 * So many characters (Unicode scalar values) of the line stay as they are.
 */
keep: number, 
/**
 * What follows them.
 */
text: ChatText, } | { "type": "chatRead", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Who has read.
 */
by: LegId, 
/**
 * The number of the last line read.
 */
upTo: number, } | { "type": "sessionEnded", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Which matter.
 */
consultation: ConsultationId, 
/**
 * Why.
 */
reason: EndReason, 
/**
 * Seconds in which both legs' media arrived.
 */
twoWayS: number, 
/**
 * For the lawyer: the outcome is awaited.
 */
outcomeDue: boolean, } | { "type": "recordSealed", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Readable at `GET /api/records/{id}` by its lawyer and by supervisors.
 */
record: RecordId, } | { "type": "rated", 
/**
 * Which matter.
 */
consultation: ConsultationId, 
/**
 * 1..=5.
 */
stars: number, } | { "type": "question", 
/**
 * Which one.
 */
question: ConsultationId, 
/**
 * What is new.
 */
change: QuestionChange, } | { "type": "warned", 
/**
 * Which one.
 */
warning: WarningId, 
/**
 * Of what.
 */
cause: ReportCause, 
/**
 * When the office decided.
 */
at: Timestamp, } | { "type": "blocked", 
/**
 * Until when; `null`: not any more.
 */
until: Timestamp | null, } | { "type": "draining", };

/**
 * One live call inside a consultation.
 */
export type SessionId = string;

/**
 * Where a session (会话) stands.
 */
export type SessionState = "CREATED" | "RINGING" | "CONNECTING" | "ACTIVE" | "RECONNECTING" | "ENDED" | "SEALED" | "MISSED" | "ABANDONED" | "FAILED";

/**
 * A session as its participants see it.
 */
export type SessionView = { 
/**
 * Which one.
 */
id: SessionId, 
/**
 * Its matter.
 */
consultation: ConsultationId, 
/**
 * The asker is called back: while it is `CONNECTING` it rings there, until `answerCall`.
 */
callBack: boolean, 
/**
 * Where it stands.
 */
state: SessionState, 
/**
 * How the two talk now.
 */
channel: Channel, 
/**
 * What it is about.
 */
practiceArea: PracticeArea, 
/**
 * The name of the asker's town or village.
 */
locality: string, 
/**
 * The receiving client's own leg.
 */
you: LegId, 
/**
 * Everyone, in order of joining.
 */
legs: Array<LegView>, 
/**
 * A third party who is invited and not there yet.
 */
invitation: InvitationView | null, 
/**
 * When both were first there.
 */
activeSince: Timestamp | null, 
/**
 * While reconnecting: when the seat is given up.
 */
seatUntil: Timestamp | null, 
/**
 * A greater channel that a side wants.
 */
proposal: ProposalView | null, 
/**
 * Chat lines so far.
 */
chatLines: number, };

/**
 * What a receive slot shows.
 */
export type SlotKind = "AUDIO" | "VIDEO" | "SCREEN";

/**
 * What a receive slot shows.
 */
export type SlotView = { 
/**
 * The `mid` of the client's receive slot (RFC 9143).
 */
mid: string, 
/**
 * Microphone, camera or screen.
 */
kind: SlotKind, 
/**
 * Whose.
 */
leg: LegId, };

/**
 * UTC milliseconds since 1970, as in the store and on the wire.
 */
export type Timestamp = number;

/**
 * A bearer, resume or ticket token.
 */
export type Token = string;

/**
 * One warning of the office.
 */
export type WarningId = string;

/**
 * What `hello` is answered with: identity, how to resume, and a snapshot of everything that runs.
 */
export type Welcome = { 
/**
 * The protocol version spoken.
 */
version: number, 
/**
 * Who the client is.
 */
role: Role, 
/**
 * Its own name or alias.
 */
name: PersonName, 
/**
 * For `resume`, until the next `welcome`.
 */
resumeToken: Token, 
/**
 * How long a broken socket may be resumed.
 */
resumeSeconds: number, 
/**
 * A lawyer's presence.
 */
presence: Presence | null, 
/**
 * A citizen's running consultation.
 */
consultation: ConsultationView | null, 
/**
 * The running session.
 */
session: SessionView | null, 
/**
 * Offers that still ring.
 */
offers: Array<OfferView>, 
/**
 * A session that ended and awaits the lawyer's outcome.
 */
outcomeDue: SessionId | null, 
/**
 * The server's wall clock, so that a page can show times truthfully.
 */
now: Timestamp, };
