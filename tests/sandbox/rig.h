/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A launcher of our own on a private socket, an agent's scope made by hand where there is no systemd, plans that can be bent, and
 * what became of them. Root only. A failure of the rig itself ends the program with a sentence: it is never a test result. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"
#include "report.h"

typedef struct Rig {
        pid_t launcher;
        int socket;
        char *dir;             /* scratch, removed at the end; a workspace of uid RIG_UID is in it: dir/ws */
        char *workspace;
        char *scope;           /* below the cgroup root */
        char *scope_dir;       /* its absolute path */
        uint64_t serial;
        LaunchFeatures features;
        int input;             /* standard input of what is spawned from now on, not owned; -EBADF: /dev/null */
} Rig;

#define RIG_UID 61234U /* nobody's */
#define RIG_GID 61235U
#define RIG_RELAY_UID 61236U /* for relay_uid of a plan: SPAWN then brings a lease and a channel along */
#define RIG_RELAY_GID 61237U
#define RIG_LEASE "a lease" /* what it says; it is the relay that reads it */

/* without: what the mutant is to leave out, as in mutant.c; NULL, or anything with another launcher: nothing. */
void rig_start(Rig *r, const char *launcher, const char *without);
/* hook: run where the launcher is about to be executed, to leave it something to inherit. */
void rig_start_hooked(Rig *r, const char *launcher, const char *without, void (*hook)(void));
void rig_stop(Rig *r);
/* From the next start on: a copy of this program is what serves networks, in the place of mxc-egress. */
void rig_use_relay(const char *program);
void rig_copy(const char *from, const char *to, mode_t mode, uid_t uid);
void rig_crash(Rig *r, const char *launcher); /* the launcher is killed, and another takes its place */
void rig_connect(Rig *r);              /* again, as a mxcd that was restarted */

/* A plan for a uid without rights: /usr and /etc read-only, the workspace read-write, the system calls of the agent profile
 * as far as the tests use them. Free with launch_plan_free(). */
LaunchPlan *rig_plan(const Rig *r);
void plan_set_argv(LaunchPlan *p, const char *const *argv);
PlanMount *plan_add_mount(LaunchPlan *p, const char *path, PlanAccess access); /* exec, as owner, required; kept sorted */
PlanMount *plan_add_template_mount(LaunchPlan *p, const char *path, PlanAccess access); /* as root, noexec, not required */
void plan_add_handoff(LaunchPlan *p, PlanHandoffWhere where, const char *path);
void plan_set_owner(LaunchPlan *p, const char *user, const char *home);
void plan_set_env(LaunchPlan *p, const char *const *env, size_t n);
void plan_add_syscall(LaunchPlan *p, const char *name);
void plan_remove_syscall(LaunchPlan *p, const char *name);

typedef struct RigResult {
        bool started;
        LaunchStep step;       /* unless started */
        int error;
        char detail[512];
        int code, signal;      /* how it ended */
        char output[65536];    /* standard output and error */
        size_t output_size;
        StatusPage page;
        uint64_t usec;         /* request to STARTED */
} RigResult;

/* SPAWN, read the output to its end, EXITED, RELEASE. */
void rig_run(Rig *r, const LaunchPlan *p, RigResult *ret);

/* The pieces of it. */
typedef struct RigBox {
        char id[33];
        int pidfd, page, pty, output; /* -EBADF: none */
        int channel;           /* mxcd's end of its relay's, the caller's to close; -EBADF: none */
        pid_t pid;
} RigBox;
bool rig_spawn(Rig *r, const LaunchPlan *p, RigBox *ret, RigResult *result); /* false: failed, in result */
bool rig_exec(Rig *r, const ExecPlan *p, uint32_t number, RigBox *ret, RigResult *result);
void rig_wait(Rig *r, const RigBox *b, uint32_t exec, RigResult *result);    /* until EXITED */
void rig_release(Rig *r, const char *id, uint32_t exec);
LaunchReport rig_request(Rig *r, LaunchRequest q, const int *fds, size_t n_fds, int *ret_fds, size_t *ret_n);
LaunchReport rig_next(Rig *r, int *ret_fds, size_t *ret_n);                  /* the next message, whatever it is; 10 s */

_Noreturn void rig_die(const char *what, int error);
void need(bool ok, const char *what); /* the same where it is not so; errno says why */
