/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "cage.h"
#include "cgroup.h"
#include "cleanup.h"
#include "fd.h"
#include "filter.h"
#include "leaving.h"
#include "limits.h"
#include "log.h"
#include "open.h"
#include "root.h"
#include "skeleton.h"
#include "slow-mounts.h"
#include "template-cache.h"

#define MOUNTS_MAX (16U * 1024 * 1024) /* of the host, as in slow-mounts.c */

struct TemplateCache {
        Template *list[TEMPLATE_CACHE_MAX];
        size_t n;
        uint64_t clock; /* counts uses */
        Source mounts;  /* the host's mount table */
        SlowMounts slow;
};

typedef struct TemplateBuild {
        pid_t pid;
        uint64_t deadline;
        Source report;
        int mounts; /* the host's mount table, which tells whether it changed since the build began */
        bool stale; /* what is granted did */
} TemplateBuild;

/* ---- the namespace ---- */

static void forget_namespace(Launcher *l, Template *t) {
        skeletons_forget(l, t);
        if (t->mount_ns >= 0)
                (void)close(TAKE_FD(t->mount_ns)); /* sandboxes have copies of their own */
        free(t->identities);
        t->identities = NULL;
        mount_ways_clear(&t->ways);
        if (t->build)
                t->build->stale = true;
}

static bool identify(const PlanMount *m, FileIdentity *ret, struct stat *st) {
        *ret = (FileIdentity){ 0 };
        if (m->access == PLAN_DENIED || stat(m->path, st) < 0)
                return false;
        *ret = (FileIdentity){
                .dev = st->st_dev, .ino = st->st_ino, .changed = st->st_ctim, .size = st->st_size
        };
        return true;
}

/* By no name but its own: what a symlink or a bind mount leads to may be denied where it is. */
static bool is_its_own(const char *path) {
        _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int fd = root < 0 ? -EBADF
                                          : fd_openat2(root, path + 1, O_PATH,
                                                            RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                                                                            RESOLVE_NO_XDEV);
        return fd >= 0;
}

/* Not what is below another grant, which is the host's own directory there, nor what is in "/": the rule for all that is copied into
 * a directory is about the directory. Nor what has another name, which may be one that is denied. */
static bool can_copy(const PlanTemplate *t, const PlanMount *m, const struct stat *st) {
        if (m->access != PLAN_READONLY || m->exec || m->as_owner || strrchr(m->path, '/') == m->path)
                return false;
        for (size_t i = 0; i < t->n_mounts; i++)
                if (t->mounts[i].access != PLAN_DENIED && path_is_below(m->path, t->mounts[i].path))
                        return false;
        return S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_size <= TEMPLATE_COPY_MAX &&
               is_its_own(m->path) && getxattr(m->path, "system.posix_acl_access", NULL, 0) < 0;
}

/* Whether a change from now on is sure to be seen in the time of the last one, which counts in ticks of up to 10 ms. */
static bool is_settled(const struct timespec *changed) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
        int64_t age = (int64_t)(now.tv_sec - changed->tv_sec) * 1000 +
                      (now.tv_nsec - changed->tv_nsec) / 1000000;
        return age > 100;
}

static FileIdentity *identify_all(const PlanTemplate *t) {
        FileIdentity *all = calloc(t->n_mounts + 1, sizeof(FileIdentity));
        off_t left = TEMPLATE_COPIES_MAX;
        for (size_t i = 0; all && i < t->n_mounts; i++) {
                struct stat st;
                if (identify(&t->mounts[i], &all[i], &st) && can_copy(t, &t->mounts[i], &st) &&
                                is_settled(&st.st_ctim) && st.st_size <= left) {
                        all[i].copied = true;
                        left -= st.st_size;
                }
        }
        return all;
}

/* A granted path that now leads to something else (an upgrade replaced it), or a copied file that was written to, must not go on
 * showing what it was. */
bool template_is_current(const Template *t) {
        for (size_t i = 0; i < t->model->template.n_mounts; i++) {
                const FileIdentity *then = &t->identities[i];
                FileIdentity now;
                struct stat st;
                (void)identify(&t->model->template.mounts[i], &now, &st);
                if (now.dev != then->dev || now.ino != then->ino ||
                                (then->copied &&
                                                (now.size != then->size ||
                                                                now.changed.tv_sec != then->changed.tv_sec ||
                                                                now.changed.tv_nsec !=
                                                                                then->changed.tv_nsec)))
                        return false;
        }
        return true;
}

/* ---- the host's mounts ---- */

static char *read_mounts(void) {
        char *table;
        return fd_read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTS_MAX, &table, NULL) < 0 ? NULL
                                                                                               : table;
}

static void end_build(Launcher *l, Template *t) {
        TemplateBuild *b = t->build;
        int fd = b->report.fd;
        launcher_unwatch(l, &b->report);
        cleanup_closep(&fd);
        cleanup_closep(&b->mounts);
        leaving_add(l, b->pid); /* its message was its last act, or it is held up */
        free(b);
        t->build = NULL;
}

/* What comes and goes again while a namespace is made leaves no trace in the table, and may be in the namespace. */
static bool saw_mounts(const TemplateBuild *b) {
        struct pollfd p = { .fd = b->mounts, .events = POLLPRI };
        return poll(&p, 1, 0) != 0;
}

static void on_build(Launcher *l, void *owner) {
        Template *t = owner;
        SetupMessage m = { .step = LAUNCH_STEP_TEMPLATE, .error = ECHILD };
        int fds[LAUNCH_MAX_FDS];
        size_t n = 0;
        int r = launch_receive(t->build->report.fd, &m, sizeof(m), fds, &n);
        if (r == -EAGAIN)
                return;
        t->build->stale = t->build->stale || saw_mounts(t->build);
        if (r == 1 && m.step == LAUNCH_STEP_NONE && n == 1 && !t->build->stale) {
                t->mount_ns = fds[0];
                n = 0;
        } else if (!t->build->stale) {
                m.detail[sizeof(m.detail) - 1] = 0;
                log_warning("No template for a policy: %s (%s)", strerror(m.error), m.detail);
        }
        for (size_t i = 0; i < n; i++)
                (void)close(fds[i]); /* of a host that has changed since */
        end_build(l, t);
}

/* In a child, since a granted path may be on a file system that hangs. Its failure is no failure of a spawn: the root is then
 * made from nothing, and says in its own place what is wrong. */
static int start_build(Launcher *l, Template *t) {
        int pair[2];
        if (!leaving_may_begin(l))
                return -EBUSY;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        _cleanup_close_ int ours = pair[0], theirs = pair[1];
        _cleanup_close_ int pidfd = -EBADF, mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        if (mounts < 0)
                return -errno;
        free(t->identities);
        mount_ways_clear(&t->ways);
        _cleanup_free_ char *table = read_mounts(); /* before anything of it is opened */
        mount_ways_find(&t->model->template, &t->ways);
        t->mounts = mount_table_number(&t->ways, table);
        t->identities = identify_all(&t->model->template);
        TemplateBuild *b = calloc(1, sizeof(TemplateBuild));
        if (!b || !t->identities || fcntl(ours, F_SETFL, O_NONBLOCK) < 0) {
                free(b);
                return -ENOMEM;
        }
        b->deadline = now_boottime() + LAUNCH_SETUP_USEC;
        b->pid = cgroup_clone(-EBADF, 0, &pidfd);
        if (b->pid == 0)
                root_build_template(t->model, t->identities, theirs);
        int r = b->pid < 0 ? b->pid : launcher_watch(l, &b->report, ours, on_build, t);
        if (r < 0) {
                if (b->pid > 0)
                        leaving_add(l, b->pid);
                free(b);
                return r;
        }
        (void)TAKE_FD(ours); /* end_build() closes both */
        b->mounts = TAKE_FD(mounts);
        t->build = b;
        return 0;
}

void template_outdate(Launcher *l, Template *t) {
        forget_namespace(l, t);
        if (!t->build)
                (void)start_build(l, t);
}

/* Others come and go on a host all day. A symlink may lead elsewhere now, too, and to the same object: then what is mounted below that
 * was never looked for. */
static bool is_touched(const Template *t, const char *table) {
        _cleanup_(mount_ways_clear) MountWays now = { 0 };
        mount_ways_find(&t->model->template, &now);
        return !mount_ways_equal(&now, &t->ways) || mount_table_number(&now, table) != t->mounts;
}

static void on_mounts(Launcher *l, void *owner) {
        TemplateCache *cache = owner;
        _cleanup_free_ char *table = read_mounts();
        for (size_t i = 0; i < cache->n; i++) {
                Template *t = cache->list[i];
                if ((t->mount_ns >= 0 || t->build) && is_touched(t, table))
                        forget_namespace(l, t);
        }
        slow_mounts_read(&cache->slow);
}

const SlowMounts *template_cache_slow_mounts(const Launcher *l) {
        return &l->templates->slow;
}

bool template_cache_expire(Launcher *l) {
        bool any = false;
        uint64_t now = now_boottime();
        for (size_t i = 0; i < l->templates->n; i++) {
                Template *t = l->templates->list[i];
                if (t->build && t->build->deadline <= now) {
                        log_warning("No template for a policy: it took too long to make");
                        end_build(l, t);
                }
                any = any || t->build;
        }
        return any;
}

/* ---- the cache ---- */

static void template_free(Launcher *l, Template *t) {
        if (t->build)
                end_build(l, t);
        forget_namespace(l, t);
        free(t->key);
        filters_clear(&t->filters);
        (void)launch_plan_free(t->model);
        free(t);
}

int template_cache_new(Launcher *l, TemplateCache **ret) {
        TemplateCache *cache = calloc(1, sizeof(TemplateCache));
        if (!cache)
                return -ENOMEM;
        *ret = cache;
        int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        slow_mounts_read(&cache->slow); /* after the opening: from there on changes are told */
        return launcher_watch_for(l, &cache->mounts, fd, EPOLLPRI, on_mounts, cache);
}

static Template *find(const TemplateCache *cache, const uint8_t *key, size_t key_size) {
        for (size_t i = 0; i < cache->n; i++)
                if (cache->list[i]->key_size == key_size && memcmp(cache->list[i]->key, key, key_size) == 0)
                        return cache->list[i];
        return NULL;
}

const PlanTemplate *template_cache_known(
                const uint8_t *data, size_t size, size_t *ret_size, void *launcher) {
        const TemplateCache *cache = ((const Launcher *)launcher)->templates;
        for (size_t i = 0; i < cache->n; i++) {
                const Template *t = cache->list[i];
                if (t->key_size > size || memcmp(t->key, data, t->key_size) != 0)
                        continue;
                *ret_size = t->key_size;
                return &t->model->template;
        }
        return NULL;
}

/* A free place, or that of the template which was not used for the longest time. One that is being proven has requests. */
static Template **make_room(Launcher *l) {
        TemplateCache *cache = l->templates;
        if (cache->n < TEMPLATE_CACHE_MAX)
                return &cache->list[cache->n++];
        Template **oldest = NULL;
        for (size_t i = 0; i < cache->n; i++)
                if (!cache->list[i]->proving && (!oldest || cache->list[i]->used < (*oldest)->used))
                        oldest = &cache->list[i];
        if (oldest)
                template_free(l, *oldest);
        return oldest;
}

/* The plan again, without anything that a caller named. */
static int make_model(const LaunchPlan *plan, LaunchPlan **ret) {
        LaunchPlan bare = {
                .id = (char *)"00000000000000000000000000000000",
                .scope = (char *)"/none",
                .hostname = (char *)"proof",
                .template = plan->template,
                .uid = 65534,
                .gid = 65534,
                .cwd = (char *)"/",
                .umask = 077,
                .max_files = 256,
                .pty = true,
                .user = (char *)"",
                .home = (char *)"",
        };
        static char *const argv[] = { (char *)"proof" };
        bare.argv = (char **)argv;
        bare.n_argv = 1;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size, offset, length;
        int r = launch_plan_encode(&bare, &data, &size);
        return r < 0 ? r : launch_plan_decode(data, size, ret, &offset, &length, NULL);
}

static int template_new(Launcher *l, const uint8_t *key, size_t key_size, const LaunchPlan *plan,
                Template **ret, const char **ret_detail) {
        Template *t = calloc(1, sizeof(Template));
        if (!t)
                return -ENOMEM;
        t->mount_ns = -EBADF;
        STAILQ_INIT(&t->parked);
        t->key = malloc(key_size);
        int r = t->key ? make_model(plan, &t->model) : -ENOMEM;
        if (r == 0)
                r = filter_compile(&t->model->template, l->features.mediate, &t->filters, ret_detail);
        Template **room = r == 0 ? make_room(l) : NULL;
        if (r == 0 && !room)
                r = -EBUSY;
        if (r < 0) {
                template_free(l, t);
                return r;
        }
        memcpy(t->key, key, key_size);
        t->key_size = key_size;
        *room = *ret = t;
        return 0;
}

int template_cache_get(Launcher *l, const uint8_t *key, size_t key_size, const LaunchPlan *plan,
                Template **ret, const char **ret_detail) {
        Template *t = find(l->templates, key, key_size);
        if (!t) {
                int r = template_new(l, key, key_size, plan, &t, ret_detail);
                if (r < 0)
                        return r;
        }
        t->used = ++l->templates->clock;
        if (t->mount_ns < 0 && !t->build)
                (void)start_build(l, t); /* without one, spawns are slower, not weaker */
        *ret = t;
        return 0;
}

/* ---- requests that wait ---- */

void template_proof_done(
                Launcher *l, Template *t, bool steered, uint32_t step, int error, const char *detail) {
        const bool held = error == 0;
        const LaunchStep known = step < _LAUNCH_STEP_MAX ? (LaunchStep)step : LAUNCH_STEP_PROOF;
        t->proving = false;
        t->proven[steered] = held;
        if (!held)
                log_error("A wall does not stand, or was not tried: %s: %s: %s. Sandboxes of this policy "
                          "are "
                          "refused.",
                                launch_step_to_string(known), detail, strerror(error));
        ParkedList waiting = STAILQ_HEAD_INITIALIZER(waiting);
        STAILQ_CONCAT(&waiting, &t->parked);
        for (Parked *p; (p = parked_take(l, &waiting)) != NULL; parked_free(p)) {
                if (!held)
                        launcher_reply_failed(l, p->request.serial, known, error, detail);
                else if (p->request.verb == LAUNCH_SPAWN)
                        verb_spawn(l, &p->request, p->fds, p->n_fds);
                else
                        launcher_reply_ok(l, p->request.serial, 0);
        }
}
