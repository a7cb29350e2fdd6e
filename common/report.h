/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The channel between mxcd and mxc-launch: a SOCK_SEQPACKET connection on MXC_LAUNCH_SOCKET, one at a time. mxcd sends
 * LaunchRequest, the launcher answers each with exactly one LaunchReport of the same serial, in any order, and sends
 * EXITED reports unasked (serial 0). Both are fixed-size; anything of another size, magic or range ends the
 * connection. Descriptors travel beside them by SCM_RIGHTS, in the order said.
 *
 * The launcher outlives mxcd: it is the parent of every sandbox and keeps each exit status until RELEASE. The other
 * way round, mxcd holds a pidfd and the status page of each sandbox and can learn its end without the launcher. */

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* A command of Exec has a control group of its own in the leaf of its sandbox, of this name and its number; daemon/launch/exec-group.h. */
#define LAUNCH_EXEC_GROUP "exec-"
#define LAUNCH_NEVER_BEGAN 127 /* the exit status of what could not be executed, as a shell has it */

#define LAUNCH_MAGIC 0x6c63786dU
#define LAUNCH_VERSION 1U

typedef enum LaunchVerb {
        LAUNCH_HELLO = 1, /* → READY with the features; then one ADOPT per known sandbox or exec, then OK */
        LAUNCH_ANCHOR,    /* → OK with pid: a paused child in the launcher's own cgroup, to found a scope with */
        LAUNCH_SCOPE,     /* path: the scope now exists. pid: its anchor. → OK once an anchor sits in the leaf `anchor`, the first is
                             gone and the controllers are on. fds: none */
        LAUNCH_SPAWN,     /* fds: plan memfd, then stdin, stdout, stderr unless the plan says pty; then, where the plan has a relay, its lease,
                             a RefusalTable of it, the relay's end of its channel, and mxcd's, of which the launcher keeps a copy. → STARTED or FAILED */
        LAUNCH_EXEC,      /* the same with an exec plan */
        LAUNCH_SIGNAL,    /* id, exec, number: to the command (relayed by pid 1 of the sandbox, or to the exec'd process). All that an exec began
                             is ended by cgroup.kill of its group, for which nobody asks the launcher */
        LAUNCH_RELEASE,   /* id, exec, path (scope): the exit is on record; forget it, remove the leaf. → OK, or FAILED. EAGAIN: it runs, has
                             execs, or is being released already. EBUSY: its pid 1 does not finish dying, or something else in the leaf does
                             not. ENOENT: there is none. After all but that one ask again */
        LAUNCH_DROP,      /* path: the agent is idle: end the anchor, remove what leaves are empty. → OK or FAILED EBUSY */
        LAUNCH_PROBE,     /* fds: a template-only plan. Prove every wall by attempting what it forbids. → OK or FAILED */
        LAUNCH_LEASE,     /* id; fds: a lease, which the relay of this sandbox begins with from now on, and its RefusalTable. → OK or FAILED, ENOENT: it has none */
        _LAUNCH_VERB_MAX,
} LaunchVerb;

typedef enum LaunchEvent {
        LAUNCH_EVENT_READY = 1,
        LAUNCH_EVENT_OK,
        LAUNCH_EVENT_STARTED, /* features, as this sandbox has them: the guard may have come since READY, and says what keeps
                                 its names. fds: pidfd, status page memfd, pty master if asked for */
        LAUNCH_EVENT_FAILED,  /* step, error (positive errno), detail */
        LAUNCH_EVENT_EXITED,  /* id, exec, status */
        LAUNCH_EVENT_ADOPT,   /* id, exec, pid, path (scope); fds: pidfd, status page, and mxcd's end of the relay's channel if there is one. After
                             HELLO only */
        _LAUNCH_EVENT_MAX,
} LaunchEvent;

/* The rooms of launch_run(), in order. The name of the one that failed is what LaunchFailed tells the client. */
typedef enum LaunchStep {
        LAUNCH_STEP_NONE,
        LAUNCH_STEP_PLAN,
        LAUNCH_STEP_CGROUP,
        LAUNCH_STEP_CLONE,
        LAUNCH_STEP_FDS,
        LAUNCH_STEP_OPEN,       /* a path the request named; detail is the path */
        LAUNCH_STEP_NETNS,
        LAUNCH_STEP_PUBLISH,    /* detail is the address and port of the host */
        LAUNCH_STEP_TEMPLATE,   /* detail is the path */
        LAUNCH_STEP_MOUNT,
        LAUNCH_STEP_HANDOFF,
        LAUNCH_STEP_GUARD,
        LAUNCH_STEP_CGROUPNS,
        LAUNCH_STEP_PROCESS,    /* hostname, rlimits, umask, oom, signals, session, keyring */
        LAUNCH_STEP_TTY,
        LAUNCH_STEP_IDENTITY,
        LAUNCH_STEP_CAPABILITIES,
        LAUNCH_STEP_LANDLOCK,
        LAUNCH_STEP_SECCOMP,
        LAUNCH_STEP_CWD,
        LAUNCH_STEP_EXEC,       /* detail is argv[0] */
        LAUNCH_STEP_PROOF,      /* a wall let something through; detail says which */
        _LAUNCH_STEP_MAX,
} LaunchStep;

/* What this kernel can do, found by trying, never by asking a version. */
typedef struct LaunchFeatures {
        uint32_t landlock_abi;  /* 0: none */
        uint32_t guard;         /* BPF LSM programs of mxc-guard are loaded and proven: denies by inode and by name */
        uint32_t mediate;       /* names are guarded by mediation (seccomp notify) instead */
        uint32_t memory, cpu, io, pids; /* controllers that a leaf can have */
        uint32_t cgroup_kill;   /* 5.14 */
        uint32_t recursive_mount_attr; /* mount_setattr(AT_RECURSIVE), 5.12 */
        uint32_t net_pool;      /* network namespaces kept ready */
        uint32_t egress;        /* connections can be steered to a relay (sk_lookup, 5.9), tried out */
        uint32_t refuse;        /* what the relay would refuse, the kernel does (BPF of a control group, 5.8), tried out */
} LaunchFeatures;

typedef struct LaunchRequest {
        uint32_t magic, version, verb, exec; /* exec: 0 the sandbox's own command, otherwise the number of an exec */
        uint64_t serial;
        int32_t pid, number;
        char id[40];
        char path[512];
} LaunchRequest;

typedef struct LaunchReport {
        uint32_t magic, version, event, exec;
        uint64_t serial;
        uint32_t step;
        int32_t error, pid;
        int32_t code, signal;  /* of EXITED: exit code, or the signal that ended it (then code is 0) */
        char id[40];
        char path[512];
        char detail[512];
        LaunchFeatures features;
} LaunchReport;

/* What mxcd says to pid 1 before a leaf is frozen, and after it is thawed: this signal with a value. A thread whose call pid 1 has taken
 * (daemon/launch/mediate.h) stands still only when it has its answer, and pid 1 stands still itself. So pid 1 answers what it has taken,
 * gives back what waits for others, takes no more, and leaves the number that came with the value on the page, until it is told to go on
 * or its patience ends: whoever said this may be gone. */
#define INIT_SIGNAL SIGRTMAX
#define INIT_VALUE_GO 0x10001
#define INIT_VALUE_QUIET 0x20000 /* and a number below INIT_QUIET_NUMBERS */
#define INIT_QUIET_NUMBERS 0x10000
#define INIT_QUIET_USEC (UINT64_C(4) * 1000000)

/* The status page: one shared page per sandbox, written by its pid 1 (which maps it before it gives its rights away), read
 * by mxcd and the launcher after the pidfd says that it is over. Untrusted: pid 1 runs with the agent's uid. A page whose state is not
 * STATUS_EXITED means that the sandbox was killed. */
typedef enum StatusState { STATUS_STARTING, STATUS_RUNNING, STATUS_EXITED } StatusState;

typedef struct StatusPage {
        uint32_t state;
        uint32_t split;           /* 1: it has a table of descriptors of its own; a futex */
        uint32_t go;              /* by the launcher, 1: what it was begun with is what the host has; a futex */
        uint32_t ready;           /* 1: everything is set up, execve() is next */
        uint32_t quiet;           /* the number of the last INIT_VALUE_QUIET that holds */
        int32_t code, signal;
        uint32_t handoff_scanned; /* 1: the list below is whole; 0: it was ended before it could look */
        uint32_t n_handoff;
        uint32_t handoff_bytes;
        char handoff[3072];       /* paths newly made that a host program would trust, each NUL-terminated. Before that, for who finds it dead:
                                     the name of the room that was entered last, or of the wall that a proof tried last */
} StatusPage;

const char *launch_step_to_string(LaunchStep step);

/* Send and receive one fixed-size message with up to 16 descriptors. Received descriptors are O_CLOEXEC and owned by
 * the caller. receive returns 0 at end of stream, 1 for a message, -EBADMSG for one that is not of ours (its
 * descriptors are closed), else a negative errno (-EAGAIN included). */
#define LAUNCH_MAX_FDS 16
int launch_send(int socket, const void *message, size_t size, const int *fds, size_t n_fds);
int launch_receive(int socket, void *message, size_t size, int fds[LAUNCH_MAX_FDS], size_t *ret_n_fds);
