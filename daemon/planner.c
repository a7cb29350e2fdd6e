/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "names.h"
#include "plan-internal.h"

#define SCOPE_BYTES 511U   /* what a LaunchRequest carries */
#define HOSTNAME_BYTES 64U /* HOST_NAME_MAX */
#define DEFAULT_FILES 65536U
#define MOST_FILES 1048576U /* fs.nr_open as the kernel has it */
#define MOST_TASKS 4194304U /* PID_MAX_LIMIT: pids.max takes no more, and there can be no more */
#define MOST_QUOTA ((UINT64_C(1) << 44) - 1) /* what cpu.max takes: more processors than exist */

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

int plan_refuse(Refusal *f, int error, DecisionReason reason, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        char *sentence;
        int r = vasprintf(&sentence, format, ap);
        va_end(ap);
        if (r < 0)
                return -ENOMEM;
        free(f->sentence);
        *f = (Refusal){ reason, sentence };
        return error;
}

static void refusal_clear(Refusal *f) {
        free(f->sentence);
}

/* ---- this host ---- */

static int check_host(const PlanInput *in, Refusal *f) {
        const LaunchFeatures *has = &in->host->features;
        const struct {
                uint32_t there;
                const char *what;
        } walls[] = {
                { has->landlock_abi,
                                "Landlock (Linux 5.13; it may have to be named in the lsm= parameter)" },
                { has->recursive_mount_attr, "recursive mount attributes (Linux 5.12)" },
                { has->cgroup_kill, "cgroup.kill (Linux 5.14)" },
        };
        for (size_t i = 0; i < ELEMENTSOF(walls); i++)
                if (walls[i].there == 0)
                        return plan_refuse(f, -EOPNOTSUPP, REASON_UNSUPPORTED,
                                        "This kernel has no %s, and no sandbox is built without it.",
                                        walls[i].what);
        return 0;
}

static int check_network(const PlanInput *in, Refusal *f) {
        if (policy_is_offline(in->decision->effective))
                return 0;
        if (!in->host->features.egress)
                return plan_refuse(f, -EOPNOTSUPP, REASON_UNSUPPORTED,
                                "The policy opens a network, and the kernel of this host cannot steer "
                                "connections to a "
                                "relay (sk_lookup, Linux 5.9 with CONFIG_BPF_SYSCALL).");
        if (in->host->relay_uid == 0 || in->host->relay_gid == 0)
                return plan_refuse(f, -EOPNOTSUPP, REASON_UNSUPPORTED,
                                "The policy opens a network, and there is no user " MXC_RELAY_USER
                                " to run its relay as. Run systemd-sysusers, then mxcctl reload.");
        return 0;
}

/* ---- who and where ---- */

static int set_string(char **ret, const char *s) {
        *ret = strdup(s);
        return *ret ? 0 : -ENOMEM;
}

static bool consists_of(const char *s, const char *letters, size_t most) {
        size_t n = strlen(s);
        return n > 0 && n <= most && strspn(s, letters) == n;
}

static int plan_names(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        static const char hex[] = "0123456789abcdef", host[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
        if (strlen(in->id) != 32 || !consists_of(in->id, hex, 32) || !path_is_normal(in->scope) ||
                        streq(in->scope, "/") || strlen(in->scope) > SCOPE_BYTES ||
                        !consists_of(in->agent, host, HOSTNAME_BYTES))
                return plan_refuse(f, -EINVAL, REASON_INVALID_ARGUMENT,
                                "The sandbox's id, scope or agent is not a name that can be used for one.");
        int r = set_string(&p->id, in->id);
        if (r == 0)
                r = set_string(&p->scope, in->scope);
        return r < 0 ? r : set_string(&p->hostname, in->agent);
}

static int plan_identity(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        if (in->owner->uid == (uid_t)-1 || in->owner->gid == (gid_t)-1)
                return plan_refuse(f, -EINVAL, REASON_INVALID_ARGUMENT, "The owner is not a user.");
        if (in->n_groups > LIMIT_PLAN_GROUPS)
                return plan_refuse(f, -E2BIG, REASON_LIMIT,
                                "The owner is in %zu groups, and paths can be opened with %u at most.",
                                in->n_groups, LIMIT_PLAN_GROUPS);
        p->uid = in->owner->uid;
        p->gid = in->owner->gid;
        int r = set_string(&p->user, in->owner->name);
        if (r == 0)
                r = set_string(&p->home, in->owner->home ? in->owner->home : "");
        if (r < 0)
                return r;
        p->groups = calloc(in->n_groups + 1, sizeof(uint32_t));
        if (!p->groups)
                return -ENOMEM;
        for (size_t i = 0; i < in->n_groups; i++) {
                if (in->groups[i] == (gid_t)-1)
                        return plan_refuse(f, -EINVAL, REASON_INVALID_ARGUMENT,
                                        "One of the owner's groups is not a group.");
                p->groups[p->n_groups++] = in->groups[i];
        }
        return 0;
}

/* ---- the command ---- */

static int plan_argv(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        size_t n = 0, bytes = 0;
        for (; in->argv && in->argv[n]; n++) {
                size_t word = strlen(in->argv[n]) + 1;
                if (word > PLAN_WORD_BYTES || bytes + word > LIMIT_ARGV_BYTES || n >= LIMIT_ARGV)
                        return plan_refuse(f, -E2BIG, REASON_LIMIT,
                                        "The command is too long: %u words of %u bytes, %u bytes in all, "
                                        "are what can "
                                        "be passed. Put the rest into a file.",
                                        LIMIT_ARGV, PLAN_WORD_BYTES - 1, LIMIT_ARGV_BYTES);
                bytes += word;
        }
        if (n > 0 && !*in->argv[0])
                return plan_refuse(f, -EINVAL, REASON_INVALID_ARGUMENT,
                                "The command's name is empty. Say which program to run.");
        p->argv = calloc(n + 1, sizeof(char *));
        if (!p->argv)
                return -ENOMEM;
        for (; p->n_argv < n; p->n_argv++) {
                p->argv[p->n_argv] = strdup(in->argv[p->n_argv]);
                if (!p->argv[p->n_argv])
                        return -ENOMEM;
        }
        return 0;
}

static int plan_env(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        int r = plan_environment(in->decision->effective, in->owner, in->env, &p->env, &p->n_env);
        if (r == -EINVAL)
                return plan_refuse(f, r, REASON_INVALID_ARGUMENT,
                                "The environment has an entry that is not of the form NAME=value.");
        if (r == -E2BIG)
                return plan_refuse(f, r, REASON_LIMIT,
                                "The environment is too large: %u variables and %u bytes are what can be "
                                "passed.",
                                LIMIT_ENV, LIMIT_ENV_BYTES);
        return r;
}

/* What is granted below a directory is reached through it: it is there, and empty but for that. */
static bool leads_to_a_grant(const Policy *effective, const char *path) {
        for (size_t i = 0; i < effective->n_paths; i++)
                if (effective->paths[i].access != PATH_DENIED &&
                                plan_path_is_below(effective->paths[i].path, path))
                        return true;
        return false;
}

/* The cage's own directories are there under every policy. */
static bool is_there(const Policy *effective, const char *path) {
        static const char *const own[] = { "/tmp", "/var/tmp", "/dev/shm" };
        if (streq(path, "/") || policy_path_access(effective, path, NULL) != PATH_DENIED ||
                        leads_to_a_grant(effective, path))
                return true;
        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                if (streq(path, own[i]) || plan_path_is_below(path, own[i]))
                        return true;
        return false;
}

static int plan_cwd(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        const Policy *effective = in->decision->effective;
        bool works = in->workspace && policy_path_access(effective, in->workspace, NULL) != PATH_DENIED;
        const char *cwd = in->cwd ? in->cwd : works ? in->workspace : "/";
        if (!path_is_normal(cwd))
                return plan_refuse(f, -EINVAL, REASON_INVALID_ARGUMENT,
                                "The working directory must be an absolute path without \".\", \"..\" and "
                                "empty "
                                "components.");
        if (!is_there(effective, cwd))
                return plan_refuse(f, -EINVAL, REASON_INVALID_ARGUMENT,
                                "The working directory %s is not in the sandbox. Start in the workspace or "
                                "in "
                                "another directory that the policy grants.",
                                cwd);
        return set_string(&p->cwd, cwd);
}

static int plan_terminal(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        if (in->rows > LIMIT_TTY_ROWS || in->columns > LIMIT_TTY_ROWS)
                return plan_refuse(f, -EINVAL, REASON_INVALID_ARGUMENT,
                                "A terminal has at most %u rows and columns.", LIMIT_TTY_ROWS);
        p->pty = in->pty;
        p->rows = in->rows;
        p->columns = in->columns;
        return 0;
}

/* ---- what the policy allows ---- */

static int plan_syscalls(const PlanInput *in, PlanTemplate *t) {
        const Policy *effective = in->decision->effective;
        t->debugging = effective->debugging;
        t->landlock_abi = in->host->features.landlock_abi;
        t->syscalls = calloc(n_syscall_table + 1, sizeof(char *));
        if (!t->syscalls)
                return -ENOMEM;
        for (size_t i = 0; i < n_syscall_table; i++) {
                if (!syscall_set_has(&effective->syscalls, (int)i))
                        continue;
                int r = set_string(&t->syscalls[t->n_syscalls], syscall_table[i]);
                if (r < 0)
                        return r;
                t->n_syscalls++;
        }
        return 0;
}

static uint64_t lesser(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

static int plan_limits(const PlanInput *in, LaunchPlan *p) {
        const uint64_t *r = in->decision->effective->resources;
        const struct {
                ResourceKind from;
                PlanLimitKind to;
                uint64_t divisor, most;
        } kinds[] = {
                { RESOURCE_MEMORY_MAX, PLAN_LIMIT_MEMORY_MAX, 1, UINT64_MAX },
                { RESOURCE_SWAP_MAX, PLAN_LIMIT_MEMORY_SWAP_MAX, 1, UINT64_MAX },
                { RESOURCE_TASKS_MAX, PLAN_LIMIT_TASKS_MAX, 1, MOST_TASKS },
                { RESOURCE_CPU_QUOTA, PLAN_LIMIT_CPU_QUOTA_USEC, 10,
                                MOST_QUOTA }, /* of a second, of 100 ms */
                { RESOURCE_CPU_WEIGHT, PLAN_LIMIT_CPU_WEIGHT, 1, 10000 },
                { RESOURCE_IO_WEIGHT, PLAN_LIMIT_IO_WEIGHT, 1, 10000 },
        };
        p->limits = calloc(ELEMENTSOF(kinds), sizeof(PlanLimit));
        if (!p->limits)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (r[kinds[i].from] != RESOURCE_UNLIMITED)
                        p->limits[p->n_limits++] = (PlanLimit){ kinds[i].to,
                                lesser(r[kinds[i].from] / kinds[i].divisor, kinds[i].most) };
        uint64_t files = r[RESOURCE_FILES_MAX];
        p->max_files = files == RESOURCE_UNLIMITED ? DEFAULT_FILES : lesser(files, MOST_FILES);
        return 0;
}

static int plan_published(const Policy *e, LaunchPlan *p) {
        p->published = calloc(e->n_publish + 1, sizeof(PlanListener));
        if (!p->published)
                return -ENOMEM;
        for (size_t i = 0; i < e->n_publish; i++) {
                const NetPublish *from = &e->publish[i];
                PlanListener *l = &p->published[p->n_published++];
                *l = (PlanListener){ .family = (uint32_t)from->address.family, .port = from->host.from };
                memcpy(l->address, from->address.address, sizeof(l->address));
        }
        return 0;
}

/* The network is the request's own: a lease is for one sandbox. */
static int plan_relay(const PlanInput *in, LaunchPlan *p) {
        if (policy_is_offline(in->decision->effective))
                return 0;
        p->relay_uid = in->host->relay_uid;
        p->relay_gid = in->host->relay_gid;
        return plan_published(in->decision->effective, p);
}

/* ---- the whole ---- */

/* What is the request's own. */
static int make_own(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        p->umask = 0022; /* the workspace is the user's, who expects what git and make give */
        int r = plan_names(in, p, f);
        if (r == 0)
                r = plan_identity(in, p, f);
        if (r == 0)
                r = plan_argv(in, p, f);
        if (r == 0)
                r = plan_env(in, p, f);
        if (r == 0)
                r = plan_cwd(in, p, f);
        if (r == 0)
                r = plan_relay(in, p);
        return r < 0 ? r : plan_terminal(in, p, f);
}

static int make_layout(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        int r = check_host(in, f);
        if (r == 0)
                r = check_network(in, f);
        if (r == 0)
                r = plan_syscalls(in, &p->template);
        if (r == 0)
                r = plan_limits(in, p);
        if (r == 0)
                r = plan_mounts(in, p, f);
        return r < 0 ? r : plan_handoff(in, p, f);
}

static int make_whole(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        int r = make_layout(in, p, f);
        return r < 0 ? r : make_own(in, p, f);
}

static int make(const PlanInput *in, int (*part)(const PlanInput *in, LaunchPlan *p, Refusal *f),
                LaunchPlan **ret, DecisionReason *ret_reason, char **ret_sentence) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = calloc(1, sizeof(LaunchPlan));
        _cleanup_(refusal_clear) Refusal f = { REASON_ALLOWED, NULL };
        if (!p)
                return -ENOMEM;
        int r = part(in, p, &f);
        if (r < 0 && f.sentence) {
                *ret_reason = f.reason;
                *ret_sentence = TAKE_PTR(f.sentence);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

int plan_make(const PlanInput *in, LaunchPlan **ret, DecisionReason *ret_reason, char **ret_sentence) {
        return make(in, make_whole, ret, ret_reason, ret_sentence);
}

int plan_layout_new(const PlanInput *in, PlanLayout **ret, DecisionReason *ret_reason, char **ret_sentence) {
        PlanLayout *l = calloc(1, sizeof(PlanLayout));
        int r = l ? make(in, make_layout, &l->model, ret_reason, ret_sentence) : -ENOMEM;
        if (r == 0 && (r = plan_template_keep_encoded(&l->model->template)) < 0)
                launch_plan_free(l->model);
        if (r < 0) {
                free(l);
                return r;
        }
        l->n_ref = 1;
        *ret = l;
        return 0;
}

PlanLayout *plan_layout_ref(PlanLayout *l) {
        l->n_ref++;
        return l;
}

PlanLayout *plan_layout_unref(PlanLayout *l) {
        if (!l || --l->n_ref > 0)
                return NULL;
        launch_plan_free(l->model);
        free(l);
        return NULL;
}

/* The fields of a layout, and nothing of the request. */
static void borrow(LaunchPlan *p, const LaunchPlan *model) {
        p->template = model->template;
        p->mounts = model->mounts;
        p->n_mounts = model->n_mounts;
        p->handoff = model->handoff;
        p->n_handoff = model->n_handoff;
        p->limits = model->limits;
        p->n_limits = model->n_limits;
        p->max_files = model->max_files;
}

int plan_make_from(const PlanInput *in, const PlanLayout *l, LaunchPlan **ret, DecisionReason *ret_reason,
                char **ret_sentence) {
        int r = make(in, make_own, ret, ret_reason, ret_sentence);
        if (r == 0)
                borrow(*ret, l->model);
        return r;
}

LaunchPlan *plan_free_borrowing(LaunchPlan *p) {
        static const LaunchPlan nothing;
        if (p)
                borrow(p, &nothing);
        return launch_plan_free(p);
}

static const char *const limit_words[_PLAN_LIMIT_MAX] = { "memory.max", "memory.swap.max", "pids.max",
        "cpu.max", "cpu.weight", "io.weight" };

bool host_holds(const HostFacts *host, PlanLimitKind kind) {
        const LaunchFeatures *has = &host->features;
        const uint32_t controllers[_PLAN_LIMIT_MAX] = { has->memory, has->memory, has->pids, has->cpu,
                has->cpu, has->io };
        return controllers[kind];
}

bool host_holds_resource(const HostFacts *host, const char *key) {
        static const char *const keys[_PLAN_LIMIT_MAX] = { "memoryMax", "memorySwapMax", "tasksMax",
                "cpuQuota", "cpuWeight", "ioWeight" };
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i], key))
                        return host_holds(host, (PlanLimitKind)i);
        return true;
}

size_t plan_unheld(const LaunchPlan *p, const HostFacts *host, const char *ret[static _PLAN_LIMIT_MAX]) {
        size_t n = 0;
        for (size_t i = 0; i < p->n_limits && n < _PLAN_LIMIT_MAX; i++)
                if (!host_holds(host, p->limits[i].kind)) /* it is written nowhere */
                        ret[n++] = limit_words[p->limits[i].kind];
        return n;
}

size_t plan_walls(const LaunchPlan *p, const HostFacts *host, const char **ret, size_t max) {
        static const char *const always[] = { "mount-namespace", "pid-namespace", "ipc-namespace",
                "uts-namespace", "network-namespace", "cgroup-namespace", "no-capabilities",
                "no-new-privileges", "seccomp" };
        static const char *const landlock[] = { "landlock-1", "landlock-2", "landlock-3", "landlock-4",
                "landlock-5", "landlock-6", "landlock-7" };
        const LaunchFeatures *has = &host->features;
        size_t n = 0;
        for (size_t i = 0; i < ELEMENTSOF(always) && n < max; i++)
                ret[n++] = always[i];
        uint32_t abi = p->template.landlock_abi;
        if (abi > 0 && n < max)
                ret[n++] = landlock[(abi > ELEMENTSOF(landlock) ? ELEMENTSOF(landlock) : abi) - 1];
        if (p->n_handoff > 0 && (has->guard || has->mediate) && n < max)
                ret[n++] = has->guard ? "names-guarded" : "names-mediated";
        if (p->relay_uid != 0 && n < max)
                ret[n++] = "egress-relay";
        for (size_t i = 0; i < p->n_limits && n < max; i++)
                if (host_holds(host, p->limits[i].kind))
                        ret[n++] = limit_words[p->limits[i].kind];
        return n;
}
