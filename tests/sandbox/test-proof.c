/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Does the proof find the hole: test-proof LAUNCHER MUTANT. Each wall that the launcher proves before a template is first used is
 * taken out, whole or one lock of it, and the launch must be refused with that wall's name; every wall of the proof must be
 * found so at least once. TAP. */

#include <fcntl.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>

#include "cleanup.h"
#include "proof.h"
#include "rig.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

static unsigned number, failures;

static void tell(bool ok, const char *name, const char *wall) {
        printf("%sok %u - %s%s%s\n", ok ? "" : "not ", ++number, name, wall ? ": " : "", wall ? wall : "");
        (void)fflush(stdout);
        failures += !ok;
}

static const struct {
        const char *wall, *without;
} holes[] = {
        { "mount", "seccomp,landlock,capabilities" },
        { "namespaces", "seccomp-namespaces" },
        { "namespaces", "seccomp-clone3" },
        { "capabilities", "capabilities" },
        { "identity", "identity" },
        { "process", "hostname" },
        { "process", "utsns" },
        { "process", "core" },
        { "process", "umask" },
        { "process", "signals" },
        { "read-only root", "seal" },
        { "read-only root", "proc-readonly" },
        { "read-only root", "shm-noexec" },
        { "grants", "mask" },
        { "grants", "nodev" },
        { "grants", "noexec" },
        { "grants", "nosuid" },
        { "grants", "readonly" },
        { "pid 1", "dumpable" },
        { "host files", "emptiness" },
        { "proc", "pidns" },
        { "proc", "mask-proc" },
        { "ipc", "ipcns" },
        { "cgroups", "cgroupns" },
        { "network", "netns" },
        { "sockets", "seccomp-socket" },
        { "sockets", "seccomp-oob" },
        { "kernel calls", "seccomp-list" },
        { "kernel calls", "seccomp-personality" },
        { "kernel calls", "seccomp-unknown" },
        { "terminal", "seccomp-ioctl" },
        { "architectures", "seccomp-architecture" },
        { "descriptors", "close-range,close-on-exec" },
        { "landlock", "landlock" },
};

#define LEAKED 77

/* What an administrator's shell may leave in whatever it starts. */
static void leave_something(void) {
        const struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
        if (setrlimit(RLIMIT_CORE, &core) < 0)
                _exit(127);
        if (open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 || dup2(3, LEAKED) < 0)
                _exit(127);
        (void)signal(SIGUSR1, SIG_IGN);
}

/* A template that has something to prove of everything. */
static LaunchPlan *whole_plan(Rig *r) {
        LaunchPlan *p = rig_plan(r);
        plan_add_template_mount(p, "/usr/share", PLAN_DENIED);
        static const char *const argv[] = { "/usr/bin/true", NULL };
        plan_set_argv(p, argv);
        return p;
}

static void prove(const char *launcher, const char *without, RigResult *ret) {
        Rig r;
        rig_start_hooked(&r, launcher, without, leave_something);
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan(&r);
        rig_run(&r, p, ret);
        rig_stop(&r);
}

static void find_hole(const char *mutant, const char *wall, const char *without) {
        static RigResult result;
        prove(mutant, without, &result);
        bool ok = !result.started && result.step == LAUNCH_STEP_PROOF && result.error == EACCES &&
                  streq(result.detail, wall);
        if (!ok)
                printf("# %s: %s %s\n", result.started ? "was started" : launch_step_to_string(result.step),
                                strerror(result.error), result.detail);
        _cleanup_free_ char *name = NULL;
        if (asprintf(&name, "found without %s", without) < 0)
                rig_die("memory", ENOMEM);
        tell(ok, name, wall);
}

static bool is_attacked(const char *wall) {
        for (size_t i = 0; i < ELEMENTSOF(holes); i++)
                if (streq(holes[i].wall, wall))
                        return true;
        return false;
}

/* A policy of hardly any system call can be proven as well, and runs what needs no more; and what files may be used for is proven to
 * it too. */
static void prove_the_least(const char *launcher, const char *without) {
        static RigResult result;
        Rig r;
        rig_start(&r, launcher, without);
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan(&r);
        while (p->template.n_syscalls > 0)
                plan_remove_syscall(p, p->template.syscalls[0]);
        plan_add_syscall(p, "execve");
        rig_run(&r, p, &result);
        rig_stop(&r);
        if (without)
                tell(!result.started && result.step == LAUNCH_STEP_PROOF && streq(result.detail, without),
                                "a policy of one system call is found without", without);
        else
                tell(result.started && result.signal != 0, "a policy of one system call",
                                "is proven, and kept");
}

/* One that dies of it says at least where. */
static void prove_by_dying(const char *mutant, const char *without, LaunchStep step, const char *begins) {
        static RigResult result;
        prove(mutant, without, &result);
        const bool ok = !result.started && result.step == step && result.error == ECANCELED &&
                        strncmp(result.detail, begins, strlen(begins)) == 0;
        if (!ok)
                printf("# %s: %s %s\n", result.started ? "was started" : launch_step_to_string(result.step),
                                strerror(result.error), result.detail);
        tell(ok, "a proof that dies tells where", without);
}

/* Where mediation is not there, as beside a guard: a policy that denies something within what it grants can be proven, and is
 * refused only by the spawn that nobody would keep the names of. */
static void prove_without_mediation(const char *mutant) {
        static RigResult result;
        Rig r;
        rig_start(&r, mutant, "mediation");
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan(&r);
        rig_run(&r, p, &result);
        tell(r.features.guard ? result.started : !result.started && result.step == LAUNCH_STEP_HANDOFF,
                        "a policy with something denied", "is proven without mediation");
        rig_stop(&r);
}

int main(int argc, char **argv) {
        if (argc != 3) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT\n", argv[0]);
                return EXIT_FAILURE;
        }
        /* something of the host's for ipc to hide */
        int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        if (segment < 0)
                rig_die("shmget", errno);

        static RigResult result;
        prove(argv[1], NULL, &result);
        tell(result.started && result.code == 0 && result.signal == 0, "nothing is missing", NULL);
        for (size_t i = 0; i < ELEMENTSOF(holes); i++)
                find_hole(argv[2], holes[i].wall, holes[i].without);
        for (const Wall *w = proof_walls; w->name; w++)
                tell(is_attacked(w->name), "is attacked here", w->name);
        prove_the_least(argv[1], NULL);
        prove_the_least(argv[2], "landlock");
        prove_without_mediation(argv[2]);
        prove_by_dying(argv[2], "seccomp-kills", LAUNCH_STEP_PROOF,
                        "at the wall \"mount\": the process that tries it died, of SIGSYS");
        prove_by_dying(argv[2], "seccomp-kills-early", LAUNCH_STEP_CLONE,
                        "in or after the step \"seccomp\": it died while it was set up");

        (void)shmctl(segment, IPC_RMID, NULL); /* ours */
        printf("1..%u\n", number);
        return failures > 0;
}
