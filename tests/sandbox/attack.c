/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <ftw.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "attack.h"
#include "cleanup.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

const char *attack_probe;
static const char *launcher, *mutant;
static unsigned number, failures;

/* ---- a careless start ---- */

static int terminal[2] = { -EBADF, -EBADF }; /* master and slave */

static void open_terminal(void) {
        terminal[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        need(terminal[0] >= 0 && grantpt(terminal[0]) == 0 && unlockpt(terminal[0]) == 0, "a terminal");
        terminal[1] = open(ptsname(terminal[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
        need(terminal[1] >= 0, "a terminal");
}

static void close_terminal(void) {
        cleanup_closep(&terminal[1]);
        cleanup_closep(&terminal[0]);
}

static void be_careless(void) {
        const struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
        int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool ok = root >= 0 && dup2(root, ATTACK_LEAKED) >= 0 && setenv("MXC_RIG_SECRET", "1", 1) == 0 &&
                  signal(SIGUSR1, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_CORE, &core) == 0 &&
                  setsid() >= 0 && ioctl(terminal[1], TIOCSCTTY, 0) == 0;
        if (ok)
                ok = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "mxc-rig") >= 0 &&
                     syscall(SYS_add_key, "user", "mxc-rig", "x", 1UL, KEY_SPEC_SESSION_KEYRING) >= 0;
        if (!ok) {
                perror("What an agent could inherit cannot be made");
                _exit(127);
        }
}

static void copy_probe(const Rig *r) {
        _cleanup_free_ char *dir = NULL, *path = NULL;
        need(asprintf(&dir, "%s/bin", r->dir) > 0 && asprintf(&path, "%s/probe", dir) > 0, "memory");
        need(mkdir(dir, 0755) == 0, dir);
        rig_copy(attack_probe, path, 0755, 0);
}

static void start(Rig *r, const char *program, const char *without) {
        open_terminal();
        rig_start_hooked(r, program, without, be_careless);
        copy_probe(r);
}

static void stop(Rig *r) {
        rig_stop(r);
        close_terminal();
}

/* ---- the stage ---- */

char *stage_path(const Stage *s, const char *word) {
        char *path = NULL;
        int r = strncmp(word, "@dir", 4) == 0  ? asprintf(&path, "%s%s", s->rig->dir, word + 4)
                : strncmp(word, "@ws", 3) == 0 ? asprintf(&path, "%s%s", s->rig->workspace, word + 3)
                                               : asprintf(&path, "%s", word);
        need(r >= 0, "memory");
        return path;
}

void stage_word(Stage *s, size_t i, const char *format, ...) {
        va_list args;
        va_start(args, format);
        free(s->words[i]);
        need(vasprintf(&s->words[i], format, args) >= 0, "memory");
        va_end(args);
}

void stage_file(Stage *s, const char *path, mode_t mode) {
        _cleanup_free_ char *p = stage_path(s, path);
        _cleanup_close_ int fd = open(p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        need(fd >= 0 && write(fd, "secret\n", 7) == 7 && fchown(fd, RIG_UID, RIG_GID) == 0 &&
                                        fchmod(fd, mode) == 0,
                        p);
}

void stage_dir(Stage *s, const char *path, mode_t mode) {
        _cleanup_free_ char *p = stage_path(s, path);
        need(mkdir(p, 0700) == 0 && chown(p, RIG_UID, RIG_GID) == 0 && chmod(p, mode) == 0, p);
}

void stage_copy(Stage *s, const char *from, const char *to, mode_t mode, uid_t uid) {
        _cleanup_free_ char *path = stage_path(s, to);
        rig_copy(from, path, mode, uid);
}

void stage_mount(Stage *s, const char *path) {
        char options[64];
        _cleanup_free_ char *p = stage_path(s, path);
        (void)snprintf(options, sizeof(options), "mode=0755,uid=%u,gid=%u", RIG_UID, RIG_GID);
        need(!s->mounted && mount("none", p, "tmpfs", 0, options) == 0, p);
        s->mounted = TAKE_PTR(p);
}

static const char *kept_root;
static int remove_unless_kept(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        const char *rest = path + strlen(kept_root);
        bool kept = ftw->level == 0 || streq(rest, "/ws") || streq(rest, "/launch.sock") ||
                    strncmp(rest, "/bin", 4) == 0;
        if (!kept && remove(path) < 0)
                rig_die(path, errno);
        return 0;
}

static void clear_stage(const Rig *r) {
        kept_root = r->dir;
        need(nftw(r->dir, remove_unless_kept, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0, r->dir);
}

/* False: there is nothing to attack. */
static bool set_stage(Rig *r, const Attack *a, Stage *ret) {
        clear_stage(r);
        *ret = (Stage){ .rig = r, .plan = rig_plan(r), .pty = a->pty };
        (void)snprintf(ret->success, sizeof(ret->success), "%s", a->success ? a->success : "");
        _cleanup_free_ char *bin = stage_path(ret, "@dir/bin");
        (void)plan_add_mount(ret->plan, bin, PLAN_READONLY);
        for (size_t i = 0; i < ELEMENTSOF(a->words) && a->words[i]; i++)
                ret->words[i] = stage_path(ret, a->words[i]);
        if (a->as_root) {
                ret->plan->uid = ret->plan->gid = 0;
                free(ret->plan->cwd);
                ret->plan->cwd = strdup("/"); /* the workspace is closed to a root without rights */
                need(ret->plan->cwd, "memory");
        }
        ret->plan->pty = a->pty;
        r->input = terminal[1];
        return !a->prepare || a->prepare(ret);
}

static void clear(Stage *s) {
        launch_plan_free(s->plan);
        if (s->mounted)
                need(umount2(s->mounted, MNT_DETACH) == 0, s->mounted);
        free(s->mounted);
        for (size_t i = 0; i < ELEMENTSOF(s->words); i++)
                free(s->words[i]);
}

/* ---- acts ---- */

static void trim(char *text) {
        for (size_t n = strlen(text); n > 0 && strchr(" \r\n", text[n - 1]); n--)
                text[n - 1] = 0;
}

static void tell_answer(RigResult *result, char *ret, size_t size) {
        trim(result->output);
        if (!result->started)
                (void)snprintf(ret, size, "%s: %s", launch_step_to_string(result->step),
                                strerrorname_np(result->error));
        else if (result->output[0])
                (void)snprintf(ret, size, "%s", result->output);
        else if (result->signal > 0)
                (void)snprintf(ret, size, "SIG%s", sigabbrev_np(result->signal));
        else
                (void)snprintf(ret, size, "exit %d", result->code);
}

static char **probe_argv(const Stage *s, char *path) {
        static char *argv[ELEMENTSOF(s->words) + 2];
        argv[0] = path;
        memcpy(argv + 1, s->words, sizeof(s->words));
        return argv;
}

static void act(const Stage *s, char *ret, size_t size) {
        static RigResult result;
        _cleanup_free_ char *path = stage_path(s, "@dir/bin/probe");
        plan_set_argv(s->plan, (const char *const *)probe_argv(s, path));
        rig_run(s->rig, s->plan, &result);
        tell_answer(&result, ret, size);
}

/* The same in a sandbox that runs already, where the launcher has no say any more. */
static void act_by_exec(const Stage *s, char *ret, size_t size) {
        static RigResult result;
        RigBox box, inner;
        if (!rig_spawn(s->rig, s->plan, &box, &result)) {
                tell_answer(&result, ret, size);
                return;
        }
        _cleanup_free_ char *path = stage_path(s, "@dir/bin/probe");
        char **argv = probe_argv(s, path);
        ExecPlan p = {
                .id = box.id,
                .argv = argv,
                .env = s->plan->env,
                .n_env = s->plan->n_env,
                .cwd = s->plan->cwd,
                .pty = s->pty,
        };
        while (argv[p.n_argv])
                p.n_argv++;
        if (rig_exec(s->rig, &p, 1, &inner, &result)) {
                rig_wait(s->rig, &inner, 1, &result);
                rig_release(s->rig, box.id, 1);
        }
        tell_answer(&result, ret, size);
        need(pidfd_send_signal(box.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        rig_wait(s->rig, &box, 0, &result);
        rig_release(s->rig, box.id, 0);
}

static void tell(const Attack *a, const char *how, const char *wanted, const char *got) {
        bool ok = streq(wanted, got);
        if (!ok)
                printf("# wanted '%s', got '%s'\n", wanted, got);
        printf("%sok %u - %s: %s\n", ok ? "" : "not ", ++number, a->name, how);
        (void)fflush(stdout);
        failures += !ok;
}

static bool is_lock(const Lock *l, const LaunchFeatures *f) {
        return l->name && l->abi <= f->landlock_abi && (!l->guard || f->guard) &&
               (!l->mediate || (f->mediate && !f->guard));
}

static void in_whole_cage(Rig *r, const Attack *a) {
        const char *refused = a->guarded && r->features.guard ? a->guarded : a->refused;
        char answer[512];
        Stage s;
        if (set_stage(r, a, &s)) {
                act(&s, answer, sizeof(answer));
                tell(a, "refused", refused, answer);
        } else {
                printf("# not on this kernel: %s\n", a->name);
        }
        clear(&s);
        if (strchr(a->refused, ':')) /* does not even start */
                return;
        if (set_stage(r, a, &s)) {
                act_by_exec(&s, answer, sizeof(answer));
                tell(a, "refused to an exec too", refused, answer);
        }
        clear(&s);
}

/* With every lock taken out but the one (NULL: with it too). */
static void in_open_cage(const Attack *a, const Lock *alone) {
        char without[256], how[320], answer[512];
        size_t n = (size_t)snprintf(without, sizeof(without), "proof%s%s", a->without ? "," : "",
                        a->without ? a->without : "");
        for (size_t i = 0; i < ELEMENTSOF(a->locks) && a->locks[i].name; i++)
                if (&a->locks[i] != alone)
                        n += (size_t)snprintf(without + n, sizeof(without) - n, ",%s", a->locks[i].name);
        Rig r;
        Stage s;
        start(&r, mutant, without);
        if (set_stage(&r, a, &s)) {
                act(&s, answer, sizeof(answer));
                (void)snprintf(how, sizeof(how), "%s%s", alone ? alone->name : "done without ",
                                alone ? " alone holds" : without + strlen("proof,"));
                tell(a, how, !alone ? s.success : alone->answer ? alone->answer : a->refused, answer);
        }
        clear(&s);
        clear_stage(&r);
        stop(&r);
}

static void in_open_cages(const LaunchFeatures *features, const Attack *a) {
        size_t n = 0;
        for (size_t i = 0; i < ELEMENTSOF(a->locks); i++)
                n += is_lock(&a->locks[i], features);
        for (size_t i = 0; i < ELEMENTSOF(a->locks); i++)
                if (n > 1 && is_lock(&a->locks[i], features))
                        in_open_cage(a, &a->locks[i]);
        if (n > 0)
                in_open_cage(a, NULL);
}

int attack_main(int argc, char **argv, const Attack *attacks, size_t n) {
        if (argc != 4 && argc != 5) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT PROBE [PATTERN]\n", argv[0]);
                return EXIT_FAILURE;
        }
        launcher = argv[1];
        mutant = argv[2];
        attack_probe = argv[3];
        const char *pattern = argc == 5 ? argv[4] : "";
        need(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0, "what came from whoever started us");
        Rig r;
        start(&r, launcher, NULL);
        const LaunchFeatures features = r.features;
        printf("# Landlock ABI %u, guard %u, mediation %u\n", features.landlock_abi, features.guard,
                        features.mediate);
        for (size_t i = 0; i < n; i++)
                if (strstr(attacks[i].name, pattern))
                        in_whole_cage(&r, &attacks[i]);
        clear_stage(&r);
        stop(&r);
        for (size_t i = 0; i < n; i++)
                if (strstr(attacks[i].name, pattern))
                        in_open_cages(&features, &attacks[i]);
        printf("1..%u\n", number);
        return failures > 0;
}
