/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "config-watch.h"

/* One mask for all: two targets may share a directory, and the later watch of an inode replaces the earlier. IN_CREATE tells of
 * links, directories and symbolic links; a new file is told by IN_CLOSE_WRITE, when it is whole. */
#define WATCH_MASK                                                                                          \
        (IN_CLOSE_WRITE | IN_MOVE | IN_DELETE | IN_CREATE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |     \
                        IN_ONLYDIR)

typedef struct Target {
        char *dir;
        char *name;    /* NULL: whatever ends in ".json" */
        int wd;        /* -1: nothing of it is there, not even "/" */
        char *watched; /* dir, or its nearest ancestor that is there */
        char *missing; /* the first part of dir below watched; NULL: dir is there */
} Target;

struct ConfigWatch {
        int fd;
        Target *targets;
        size_t n;
};

int config_watch_new(ConfigWatch **ret) {
        ConfigWatch *w = calloc(1, sizeof(ConfigWatch));
        if (!w)
                return -ENOMEM;
        w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (w->fd < 0) {
                int r = -errno;
                free(w);
                return r;
        }
        *ret = w;
        return 0;
}

ConfigWatch *config_watch_free(ConfigWatch *w) {
        if (!w)
                return NULL;
        for (size_t i = 0; i < w->n; i++) {
                free(w->targets[i].dir);
                free(w->targets[i].name);
                free(w->targets[i].watched);
                free(w->targets[i].missing);
        }
        free(w->targets);
        (void)close(w->fd); /* only read from */
        free(w);
        return NULL;
}

int config_watch_add(ConfigWatch *w, const char *dir, const char *name) {
        Target *grown = reallocarray(w->targets, w->n + 1, sizeof(Target));
        if (!grown)
                return -ENOMEM;
        w->targets = grown;
        Target *t = &w->targets[w->n];
        *t = (Target){ .dir = strdup(dir), .name = name ? strdup(name) : NULL, .wd = -1 };
        if (!t->dir || (name && !t->name)) {
                free(t->dir);
                free(t->name);
                return -ENOMEM;
        }
        w->n++;
        return 0;
}

int config_watch_fd(const ConfigWatch *w) {
        return w->fd;
}

/* Cuts the last part off path and makes it *missing. False where there is none. */
static bool step_up(char *path, char **missing) {
        char *slash = strrchr(path, '/');
        if (!slash || !slash[1])
                return false;
        char *part = strdup(slash + 1);
        if (!part)
                return false;
        free(*missing);
        *missing = part;
        slash[slash == path] = '\0';
        return true;
}

static int arm_one(ConfigWatch *w, Target *t) {
        _cleanup_free_ char *path = strdup(t->dir), *missing = NULL;
        if (!path)
                return -ENOMEM;
        int wd;
        while ((wd = inotify_add_watch(w->fd, path, WATCH_MASK)) < 0) {
                if (errno != ENOENT && errno != ENOTDIR)
                        return -errno;
                if (!step_up(path, &missing))
                        return -ENOENT;
        }
        free(t->watched);
        free(t->missing);
        t->wd = wd;
        t->watched = TAKE_PTR(path);
        t->missing = TAKE_PTR(missing);
        return 0;
}

int config_watch_arm(ConfigWatch *w) {
        int result = 0;
        for (size_t i = 0; i < w->n; i++) /* a directory that was moved away is watched no more */
                if (w->targets[i].wd >= 0) {
                        (void)inotify_rm_watch(
                                        w->fd, w->targets[i].wd); /* gone by itself, or as another's */
                        w->targets[i].wd = -1;
                }
        for (size_t i = 0; i < w->n; i++) {
                int r = arm_one(w, &w->targets[i]);
                if (r < 0)
                        result = r;
        }
        return result;
}

/* A file that was only now made has nothing in it yet. */
static bool is_unwritten(const Target *t, const struct inotify_event *e) {
        if (!(e->mask & IN_CREATE) || (e->mask & IN_ISDIR))
                return false;
        _cleanup_free_ char *path = NULL;
        struct stat st;
        if (asprintf(&path, "%s/%s", t->watched, e->name) < 0) {
                path = NULL;
                return false;
        }
        return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
               st.st_nlink == 1;
}

static bool concerns(const Target *t, const struct inotify_event *e) {
        if (e->mask & IN_Q_OVERFLOW)
                return true;
        if (e->wd != t->wd || e->mask & IN_IGNORED)
                return false;
        if (e->len == 0)
                return true; /* the directory itself */
        if (t->missing)
                return streq(e->name, t->missing);
        size_t n = strlen(e->name);
        bool ours = t->name ? streq(e->name, t->name)
                            : n >= strlen(".json") && e->name[0] != '.' &&
                                                    streq(e->name + n - strlen(".json"), ".json");
        return ours && !is_unwritten(t, e);
}

static bool read_events(ConfigWatch *w) {
        union {
                struct inotify_event event;
                char bytes[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
        } buffer;
        bool changed = false;
        ssize_t n;
        while ((n = read(w->fd, &buffer, sizeof(buffer))) > 0 || (n < 0 && errno == EINTR))
                for (ssize_t at = 0; at < n;) {
                        const struct inotify_event *e = (const void *)(buffer.bytes + at);
                        for (size_t i = 0; i < w->n && !changed; i++)
                                changed = concerns(&w->targets[i], e);
                        at += (ssize_t)(sizeof(*e) + e->len);
                }
        return changed;
}

bool config_watch_drain(ConfigWatch *w) {
        if (!read_events(w))
                return false;
        (void)config_watch_arm(
                        w); /* what cannot be watched now is tried again at the next change, and read by Reload */
        (void)read_events(w); /* all of it from before the load that follows */
        return true;
}
