/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lifecycle-home.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "fd.h"
#include "mxc-config.h"

#define PROVISION "provision.json"
#define DEPTH_MAX 200U /* of what is removed: each level is a descriptor */

void lifecycle_home_clear(LifecycleHome *h) {
        free(h->path);
        free(h->workspace);
        if (h->lock >= 0)
                (void)close(h->lock); /* a directory */
        *h = (LifecycleHome)LIFECYCLE_HOME_NONE;
}

static int make_directories(const char *path) {
        char part[PATH_MAX];
        size_t n = strlen(path);
        if (n >= sizeof part)
                return -ENAMETOOLONG;
        memcpy(part, path, n + 1);
        for (size_t i = 1; i <= n; i++) {
                if (part[i] != '/' && part[i] != '\0')
                        continue;
                char c = part[i];
                part[i] = '\0';
                if (mkdir(part, 0700) < 0 && errno != EEXIST)
                        return -errno;
                part[i] = c;
        }
        return 0;
}

/* Where they all are. */
static int base(char **ret) {
        const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        _cleanup_free_ char *path = NULL;
        int n = state && state[0] == '/' ? asprintf(&path, "%s/mxc", state)
                : home && home[0] == '/' ? asprintf(&path, "%s/.local/state/mxc", home)
                                         : 0;
        if (n <= 0) {
                path = NULL;
                return n < 0 ? -ENOMEM : -ENOTDIR;
        }
        int r = make_directories(path);
        if (r < 0)
                return r;
        char *real = realpath(path, NULL); /* mxcd takes no path with a link in it */
        if (!real)
                return -errno;
        *ret = real;
        return 0;
}

static int name_it(const char *agent, LifecycleHome *h) {
        _cleanup_free_ char *dir = NULL;
        int r = base(&dir);
        if (r < 0)
                return r;
        if (asprintf(&h->path, "%s/%s", dir, agent) < 0) {
                h->path = NULL;
                return -ENOMEM;
        }
        if (asprintf(&h->workspace, "%s/workspace", h->path) < 0) {
                h->workspace = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int take(LifecycleHome *h) {
        h->lock = open(h->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (h->lock < 0)
                return -errno;
        int r;
        do
                r = flock(h->lock, LOCK_EX);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

static int write_text(int dir, const char *text) {
        _cleanup_close_ int fd =
                        openat(dir, PROVISION, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        for (size_t left = strlen(text); left > 0;) {
                ssize_t n = write(fd, text, left);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                text += n;
                left -= (size_t)n;
        }
        return fsync(fd) < 0 ? -errno : 0;
}

int lifecycle_home_make(const char *agent, const char *text, LifecycleHome *ret) {
        _cleanup_(lifecycle_home_clear) LifecycleHome h = LIFECYCLE_HOME_NONE;
        int r = name_it(agent, &h);
        if (r == 0 && mkdir(h.path, 0700) < 0)
                r = -errno;
        if (r < 0)
                return r;
        r = take(&h);
        if (r == 0)
                r = write_text(h.lock, text);
        if (r == 0 && mkdirat(h.lock, "workspace", 0700) < 0)
                r = -errno;
        if (r < 0) {
                (void)lifecycle_home_remove(&h); /* what can be */
                return r;
        }
        *ret = h;
        h = (LifecycleHome)LIFECYCLE_HOME_NONE;
        return 0;
}

int lifecycle_home_open(const char *agent, LifecycleHome *ret) {
        _cleanup_(lifecycle_home_clear) LifecycleHome h = LIFECYCLE_HOME_NONE;
        int r = name_it(agent, &h);
        if (r == 0)
                r = take(&h);
        struct stat st;
        if (r == 0 && fstat(h.lock, &st) == 0 && st.st_nlink == 0)
                r = -ENOENT; /* it went while this was waiting */
        if (r < 0)
                return r;
        *ret = h;
        h = (LifecycleHome)LIFECYCLE_HOME_NONE;
        return 0;
}

int lifecycle_home_read(const LifecycleHome *h, char **ret) {
        if (mkdirat(h->lock, "workspace", 0700) < 0 && errno != EEXIST)
                return -errno;
        size_t size;
        int r = fd_read_file_at(h->lock, PROVISION, LIMIT_MXC_CONFIG_BYTES, ret, &size);
        if (r == 0 && strlen(*ret) != size) {
                free(*ret);
                *ret = NULL;
                r = -EBADMSG;
        }
        return r;
}

/* ---- removal ---- */

static int remove_below(int parent, const char *name, unsigned depth);

static int remove_entries(int dir, unsigned depth) {
        DIR *d = fdopendir(dir); /* takes it over */
        int r = 0;
        if (!d) {
                r = -errno;
                (void)close(dir);
                return r;
        }
        for (const struct dirent *e; (e = readdir(d));) {
                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                int k = remove_below(dirfd(d), e->d_name, depth + 1);
                if (k < 0)
                        r = k;
        }
        (void)closedir(d); /* it was only read */
        return r;
}

/* Follows nothing. What an agent took from itself (the right to list a directory) is given back: it is its owner's. */
static int remove_below(int parent, const char *name, unsigned depth) {
        if (unlinkat(parent, name, 0) == 0)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
                return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
                return -errno;
        if (depth > DEPTH_MAX)
                return -ELOOP;
        int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0 && errno == EACCES) {
                _cleanup_close_ int path =
                                openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                char link[64];
                (void)snprintf(link, sizeof link, "/proc/self/fd/%d", path);
                if (path < 0 || chmod(link, 0700) < 0)
                        return -errno;
                dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        struct stat st;
        if (dir < 0)
                return -errno;
        if (fstat(dir, &st) == 0 && (st.st_mode & 0700) != 0700)
                (void)fchmod(dir, 0700); /* what cannot be removed then is told below */
        int r = remove_entries(dir, depth);
        return unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : r < 0 ? r : -errno;
}

int lifecycle_home_remove(const LifecycleHome *h) {
        int copy = fcntl(h->lock, F_DUPFD_CLOEXEC, 3);
        int r = copy < 0 ? -errno : remove_entries(copy, 0);
        return rmdir(h->path) == 0 ? 0 : r < 0 ? r : -errno;
}
