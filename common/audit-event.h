/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The audit trail as its readers see it: one MESSAGE_ID per event, each with an entry in the journal catalog (mxc.catalog) and a
 * row in mxcd(8). Names and ids never change their meaning; what is new gets a new one. Any process can write fields of
 * these names: only records with _UID=0 and _SYSTEMD_UNIT=mxcd.service are mxcd's.
 *
 * AUDIT_EVENTS(X) calls X(NAME, "word in MXC_EVENT", "MESSAGE_ID", what it says). */

#define AUDIT_EVENTS(X) \
        X(SPAWN, "spawn", "2e206dc4b4cd6383fa42b4bcf7a5bba5", "a sandbox is asked for: allowed or denied") \
        X(PLAN, "plan", "2fbd7d5ce9e044fabf86e374526aadf2", "what a sandbox would be is asked for, and denied; none was to be made") \
        X(START, "start", "f5a2c8d62f2e5b4400b3bd6531bcb6f0", "a sandbox that was allowed runs") \
        X(FAIL, "fail", "747cc640e77b5396ae5382dc717b78da", "what was allowed could not be done: which step, which error") \
        X(EXEC, "exec", "9e8942d20640f98ef149ec529d1a200a", "a further command in a sandbox is asked for: allowed or denied") \
        X(EXIT, "exit", "c0f20fea7859e75c1a5d031431a1469f", "a command has ended, and how; what was newly made that a host program would trust") \
        X(KILL, "kill", "5922da8c9fc645ab4999cfe0f88e3704", "a signal, or the end of everything, is asked for") \
        X(STOP, "stop", "bc17ee3c9f6f6d970a1ee43524b9a03e", "an orderly end is asked for, by a caller, a timeout, a tie, a revocation or `systemctl stop`") \
        X(FREEZE, "freeze", "814388e36c72d9048b31f33b7d66bbf1", "a sandbox stands still") \
        X(THAW, "thaw", "d1f6e3ccf0ea34a529ea94f989c372a0", "it goes on") \
        X(ATTACH, "attach", "1188f6cf0e784462b13dccbdeb85845f", "another connection is told how a command ends") \
        X(RESOLVE, "resolve", "229662bf9c244d7a809421c8532bcd3e", "a name is asked for that nothing may be reached under") \
        X(CONNECT, "connect", "c41c5b171fd64593bc8b1459683b912e", "a connection is asked for: allowed or denied") \
        X(ACCEPT, "accept", "9a210e7955914d4a86bb863c14508875", "somebody outside connects to a port that is published: allowed or denied") \
        X(DISCONNECT, "disconnect", "54da5b0eeafe47aa9837e6d72fe63c41", "a connection that was allowed is over, or could not be made") \
        X(LEASE, "lease", "7db19c24b4874ab583c9405d5ada89bc", "what a running sandbox may reach is another from now on, or its relay is killed because it does not go by that") \
        X(BOUNDS, "bounds", "6d0a1b5c9e3f4a7f8c21d4e96b5370fa", "the limits of a running agent as a whole are others from now on, because what bounds it has changed") \
        X(GRANT, "grant", "8fcdb285400f485ea22a4e8aea163703", "a destination is to be opened for a running sandbox for a while: allowed or denied") \
        X(GRANT_OVER, "grant-over", "146dc6af0e874121ae61ab657452e0bc", "it is closed again") \
        X(REGISTER, "register", "631d1ac9be9f716fcba1d4c32fda6719", "an agent is made known") \
        X(SUSPEND, "suspend", "b10be065ef88daa9aa7449ef93917963", "it may start nothing for now") \
        X(RESUME, "resume", "cc8cdc9ead6700f6785ade21b1904c18", "it may again") \
        X(REVOKE, "revoke", "017cd9a694ed4964671a6f158f437076", "it may never again") \
        X(SET_POLICY, "set-policy", "3495121dc7b72cb80ff85354741a90dc", "an agent has another policy") \
        X(POLICY_LOAD, "policy-load", "00a507236cda1a4df9a0d17dbb8c524e", "a policy file is in force, or refused, or gone") \
        X(CONTROL, "control", "5a85f4824b84c7abdd332bf0f4fb6915", "an act on somebody else's agent or sandbox, or on the registry, is refused") \
        X(INSPECT, "inspect", "f427892d7ae646dd9c50f868348a7542", "an administrator who is not root looks at what is somebody else's") \
        X(REFUSALS, "refusals", "7be7cfda19a44dcb846d5540b6b4789e", "many unlike refusals of one user, counted together: of what kinds, only the first records say") \
        X(ADOPT, "adopt", "f59850b743d31eb7897f0366db8dd73e", "a sandbox was found running when mxcd came up, and belongs to it again") \
        X(LOST, "lost", "06e60fc1f4dd7377e60815dc4c662535", "a record without a sandbox, or a sandbox without a record (which is ended)") \
        X(STUCK, "stuck", "0a0e2d84f3ce49d8b60b3620bf744a1f", "a sandbox has ended, and its first process does not finish dying: its control group stays until it does") \
        X(DAEMON, "daemon", "2b5d795745af7c1a8c4859b8af99a86f", "mxcd comes up or goes down") \
        X(GAP, "gap", "8c19d27bf04d46688763f5b03113ed98", "what had happened could not be kept while the journal was away: how many records")

typedef enum AuditEvent {
#define X(name, word, id, text) AUDIT_##name,
        AUDIT_EVENTS(X)
#undef X
        _AUDIT_EVENT_MAX,
} AuditEvent;

/* Fields. Every record has MESSAGE, MESSAGE_ID, MXC_EVENT, MXC_DECISION (allow, deny, none) and PRIORITY; of the others those that
 * are known. Values are binary-safe for journald and cut at AUDIT_VALUE_MAX bytes (with MXC_TRUNCATED=FIELD … then). */
#define AUDIT_EVENT "MXC_EVENT"
#define AUDIT_DECISION "MXC_DECISION"
#define AUDIT_REASON "MXC_REASON"               /* decide.h, of a connection egress-channel.h, of lease: policy-load set-policy revoke adopt grant grant-over late shut, of bounds: policy-load set-policy adopt spawn, of grant-over: expired revoked, or of exit: exited killed timeout stopped revoked oom lost */
#define AUDIT_CLAUSE "MXC_CLAUSE"               /* JSON pointer into the policy that decided */
#define AUDIT_AGENT "MXC_AGENT"
#define AUDIT_AGENT_UUID "MXC_AGENT_UUID"
#define AUDIT_SANDBOX "MXC_SANDBOX"
#define AUDIT_EXEC_ID "MXC_EXEC"                /* number of a further command */
#define AUDIT_ON_BEHALF_UID "MXC_ON_BEHALF_UID"
#define AUDIT_ON_BEHALF_USER "MXC_ON_BEHALF_USER"
#define AUDIT_CALLER_UID "MXC_CALLER_UID"
#define AUDIT_CALLER_PID "MXC_CALLER_PID"       /* for the record only: nothing was decided from it */
#define AUDIT_CALLER_UNIT "MXC_CALLER_UNIT"     /* the same */
#define AUDIT_POLICY "MXC_POLICY"
#define AUDIT_POLICY_DIGEST "MXC_POLICY_DIGEST"
#define AUDIT_STORED_DIGEST "MXC_STORED_DIGEST" /* of spawn: of that policy before it was bound to a place and met with what bounds it; policy-load has it as MXC_POLICY_DIGEST */
#define AUDIT_TIER "MXC_TIER"
#define AUDIT_UNIT "MXC_UNIT"                   /* the agent's scope */
#define AUDIT_ORIGIN "MXC_ORIGIN"               /* of register, set-policy, revoke: "file", where MXC_TARGET says so and no caller */
#define AUDIT_ACTION "MXC_ACTION"               /* of control: Interface.Method */
#define AUDIT_TARGET "MXC_TARGET"               /* argv as JSON, a path, a signal, a file, "tcp/api.github.com:443" */
#define AUDIT_WORKSPACE "MXC_WORKSPACE"
#define AUDIT_LABELS "MXC_LABELS"               /* JSON */
#define AUDIT_WALLS "MXC_WALLS"                 /* what holds on this host for this sandbox, space separated */
#define AUDIT_UNHELD "MXC_UNHELD"               /* limits of its policy that this host cannot hold, space separated */
#define AUDIT_CLAMPED "MXC_CUT"                 /* what of the request its bounds took away: JSON, a list of [field, asked, held, by] */
#define AUDIT_STEP "MXC_STEP"                   /* of fail: the room of the launcher */
#define AUDIT_ERRNO "ERRNO"
#define AUDIT_EXIT_CODE "MXC_EXIT_CODE"
#define AUDIT_EXIT_SIGNAL "MXC_EXIT_SIGNAL"
#define AUDIT_HANDOFF "MXC_HANDOFF"             /* once per path newly made that a host program would trust */
#define AUDIT_HANDOFF_WHOLE "MXC_HANDOFF_WHOLE" /* 0: not everything was looked at */
#define AUDIT_ADDRESS "MXC_ADDRESS"             /* of a connection: where it goes, or comes from, ADDRESS:PORT */
#define AUDIT_UPSTREAM "MXC_UPSTREAM"           /* of connect and disconnect: 1, by the host's proxy, which finds the address */
#define AUDIT_UPSTREAM_STATUS "MXC_UPSTREAM_STATUS" /* of disconnect: what that answered */
#define AUDIT_PEER_UID "MXC_PEER_UID"           /* of accept: whose process that is, where it is of this host */
#define AUDIT_PROCESS "MXC_PROCESS"             /* of connect, where the kernel refused it: the pid on the host, and */
#define AUDIT_PROGRAM "MXC_PROGRAM"             /* what that process calls itself */
#define AUDIT_CONNECTION "MXC_CONNECTION"       /* its number in this sandbox's relay */
#define AUDIT_GRANT_NUMBER "MXC_GRANT"          /* its number in this sandbox */
#define AUDIT_BYTES_OUT "MXC_BYTES_OUT"
#define AUDIT_BYTES_IN "MXC_BYTES_IN"
#define AUDIT_USEC "MXC_USEC"                   /* how long it took, or lived */
#define AUDIT_COUNT "MXC_COUNT"                 /* how many identical events this record stands for, where more than one; of gap: how many are missing */
#define AUDIT_NOTE "MXC_NOTE"                   /* in words: why it was refused, what failed, the reason somebody gave */
#define AUDIT_TIME "MXC_TIME"                   /* CLOCK_REALTIME, of what was kept until the journal was back: when it happened */
#define AUDIT_CUT "MXC_TRUNCATED"               /* once for each field that was cut: its name */

#define AUDIT_VALUE_MAX 8192U
