/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "config-file.h"
#include "fd.h"

static const char suffix[] = ".json";

void config_file_clear(ConfigFile *f) {
        free(f->name);
        free(f->path);
        free(f->text);
        free(f->error);
        *f = (ConfigFile){ 0 };
}

void config_set_clear(ConfigSet *s) {
        for (size_t i = 0; s->files && i < s->n; i++)
                config_file_clear(&s->files[i]);
        free(s->files);
        *s = (ConfigSet){ 0 };
}

char *config_error(const char *path, const PolicyError *e) {
        const char *pointer = e->pointer ? e->pointer : "", *colon = *pointer ? ": " : "";
        const char *sentence = e->sentence ? e->sentence : "is refused";
        char *s;
        int n = e->line > 0 ? asprintf(&s, "%s:%d:%d: %s%s%s", path, e->line, e->column, pointer, colon,
                                              sentence)
                            : asprintf(&s, "%s: %s%s%s", path, pointer, colon, sentence);
        return n < 0 ? NULL : s;
}

char *config_digest(const char *text, size_t size) {
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned n;
        char *s = malloc(2 * (size_t)EVP_MAX_MD_SIZE + 1);
        if (!s || EVP_Digest(text, size, hash, &n, EVP_sha256(), NULL) != 1) {
                free(s);
                return NULL;
        }
        for (unsigned i = 0; i < n; i++)
                (void)snprintf(s + 2 * i, 3, "%02x", hash[i]);
        return s;
}

/* NULL, or why nothing is believed of it. */
static const char *complaint_of(const struct stat *st) {
        if (st->st_uid != 0 && st->st_uid != geteuid())
                return "is not owned by root; give it back with: chown root";
        if (st->st_mode & 0022)
                return "is writable by others than root; take that away with: chmod go-w";
        return NULL;
}

static int complain(const char *path, const char *sentence, char **ret) {
        char *s;
        if (asprintf(&s, "%s: %s", path, sentence) < 0)
                return -ENOMEM;
        *ret = s;
        return 0;
}

/* A descriptor, -ENOENT, or a negative errno with a sentence. */
static int open_trusted(int dir, const char *name, const char *path, char **ret_sentence) {
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0) {
                int r = -errno;
                if (r != -ENOENT)
                        (void)complain(path,
                                        r == -ENOTDIR || r == -ELOOP ? "is not a directory" : strerror(-r),
                                        ret_sentence); /* or there is no memory for it */
                return r;
        }
        const char *complaint = complaint_of(&st);
        if (complaint) {
                (void)complain(path, complaint, ret_sentence); /* the same */
                return -EPERM;
        }
        return TAKE_FD(fd);
}

/* dir, and in it below: whoever could write the one could replace the other. */
static int open_layer(const char *dir, const char *below, char **ret_sentence) {
        _cleanup_close_ int fd = open_trusted(AT_FDCWD, dir, dir, ret_sentence);
        if (fd < 0 || !below)
                return TAKE_FD(fd);
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s/%s", dir, below) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        return open_trusted(fd, below, path, ret_sentence);
}

static int refuse_symlink(int dir, const char *name, ConfigFile *f) {
        char target[sizeof("/dev/null")];
        ssize_t n = readlinkat(dir, name, target, sizeof(target));
        if (n == (ssize_t)strlen("/dev/null") && memcmp(target, "/dev/null", (size_t)n) == 0)
                return 0;
        int r = complain(f->path,
                        "is a symbolic link; only one to /dev/null is followed, and means that there is no "
                        "such file",
                        &f->error);
        return r < 0 ? r : 1;
}

/* NULL, or why the file at fd is not read. */
static const char *complaint_of_file(int fd, size_t max_size, bool *ret_readable_by_others) {
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return strerror(errno);
        if (!S_ISREG(st.st_mode))
                return "is not a regular file";
        if (st.st_size < 0 || (size_t)st.st_size > max_size)
                return "is too large";
        *ret_readable_by_others = st.st_mode & 0077;
        return complaint_of(&st);
}

/* 1: read into f, or f->error says why not. 0: not there, or masked. */
static int read_entry(int dir, const char *name, size_t max_size, ConfigFile *f) {
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno == ENOENT)
                        return 0;
                int r = complain(f->path, strerror(errno), &f->error);
                return r < 0 ? r : 1;
        }
        if (S_ISLNK(st.st_mode))
                return refuse_symlink(dir, name, f);
        if (!S_ISREG(st.st_mode)) { /* a device is not even opened */
                int r = complain(f->path, "is not a regular file", &f->error);
                return r < 0 ? r : 1;
        }
        /* whatever takes its place now neither blocks nor is followed */
        _cleanup_close_ int fd =
                        openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        const char *complaint = complaint_of_file(fd, max_size, &f->is_readable_by_others);
        int r = complaint ? complain(f->path, complaint, &f->error)
                          : fd_read_all(fd, max_size, &f->text, &f->size);
        if (r < 0 && r != -ENOMEM)
                r = complain(f->path, r == -EFBIG ? "is too large" : strerror(-r), &f->error);
        return r < 0 ? r : 1;
}

/* Where a name was seen. */
typedef struct Seen {
        char *name; /* of the file, with its suffix */
        size_t layer;
} Seen;

typedef struct Layers {
        const char *const *dirs;
        const char *below;
        int fds[8];
        size_t n;
        Seen *seen;
        size_t n_seen, room; /* room: what fits in before it has to grow */
} Layers;

static void layers_clear(Layers *l) {
        for (size_t i = 0; i < l->n; i++)
                if (l->fds[i] >= 0)
                        (void)close(l->fds[i]); /* only read from */
        for (size_t i = 0; i < l->n_seen; i++)
                free(l->seen[i].name);
        free(l->seen);
}

static int layers_open(Layers *l, const char *const *dirs, const char *below, char **ret_sentence) {
        *l = (Layers){ .dirs = dirs, .below = below };
        for (size_t i = 0; dirs[i]; i++) {
                if (i == ELEMENTSOF(l->fds))
                        return -E2BIG;
                int fd = open_layer(dirs[i], below, ret_sentence);
                if (fd < 0 && fd != -ENOENT)
                        return fd;
                l->fds[l->n++] = fd < 0 ? -EBADF : fd;
        }
        return 0;
}

static bool is_looked_at(const char *name) {
        size_t n = strlen(name);
        return name[0] != '.' && n >= strlen(suffix) && streq(name + n - strlen(suffix), suffix);
}

static int note(Layers *l, const char *name, size_t layer) {
        if (l->n_seen == l->room) {
                size_t room = l->room > 0 ? 2 * l->room : 64;
                Seen *grown = reallocarray(l->seen, room, sizeof(Seen));
                if (!grown)
                        return -ENOMEM;
                l->seen = grown;
                l->room = room;
        }
        char *copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        l->seen[l->n_seen++] = (Seen){ .name = copy, .layer = layer };
        return 0;
}

static int list_layer(Layers *l, size_t layer) {
        int fd = fcntl(l->fds[layer], F_DUPFD_CLOEXEC, 3);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                int r = -errno;
                if (fd >= 0)
                        (void)close(fd); /* it is not the stream's yet */
                return r;
        }
        int r = 0;
        struct dirent *entry;
        for (errno = 0; r == 0 && (entry = readdir(d)); errno = 0)
                if (is_looked_at(entry->d_name))
                        r = note(l, entry->d_name, layer);
        if (r == 0 && errno != 0)
                r = -errno;
        (void)closedir(d); /* only read from */
        return r;
}

static int compare_seen(const void *a, const void *b) {
        const Seen *x = a, *y = b;
        int c = strcmp(x->name, y->name);
        return c != 0 ? c : (x->layer > y->layer) - (x->layer < y->layer);
}

static char *printable(const char *s, size_t n) {
        char *copy = strndup(s, n);
        for (char *p = copy; p && *p; p++)
                if (*p < 0x20 || *p > 0x7e)
                        *p = '?';
        return copy;
}

/* name and path of the file that was seen. */
static int name_file(const Layers *l, const Seen *seen, ConfigFile *f) {
        size_t n = strlen(seen->name);
        _cleanup_free_ char *shown = printable(seen->name, n);
        f->name = printable(seen->name, n - strlen(suffix));
        if (!shown || !f->name)
                return -ENOMEM;
        if (!policy_name_is_valid(f->name)) {
                free(f->name);
                f->name = strdup(shown);
        }
        int k = asprintf(&f->path, "%s%s%s/%s", l->dirs[seen->layer], l->below ? "/" : "",
                        l->below ? l->below : "", shown);
        if (k < 0)
                f->path = NULL;
        return f->name && f->path ? 0 : -ENOMEM;
}

/* As read_entry(). */
static int load_seen(const Layers *l, const Seen *seen, bool fits, size_t max_size, ConfigFile *f) {
        int r = name_file(l, seen, f);
        if (r < 0)
                return r;
        if (fits && policy_name_is_valid(f->name))
                return read_entry(l->fds[seen->layer], seen->name, max_size, f);
        r = complain(f->path,
                        fits ? "cannot be a name: names are a-z, 0-9 and -, at most 63 of them, and do not "
                               "begin with -"
                             : "is one file more than are read",
                        &f->error);
        return r < 0 ? r : 1;
}

int config_set_load(const char *const *dirs, const char *below, size_t max, size_t max_size, ConfigSet *ret,
                char **ret_sentence) {
        _cleanup_(layers_clear) Layers l;
        int r = layers_open(&l, dirs, below, ret_sentence);
        for (size_t i = 0; r == 0 && i < l.n; i++)
                if (l.fds[i] >= 0)
                        r = list_layer(&l, i);
        if (r < 0)
                return r;
        if (l.n_seen > 0)
                qsort(l.seen, l.n_seen, sizeof(Seen), compare_seen);

        _cleanup_(config_set_clear) ConfigSet set = { 0 };
        set.files = calloc(l.n_seen > 0 ? l.n_seen : 1, sizeof(ConfigFile));
        if (!set.files)
                return -ENOMEM;
        for (size_t i = 0; i < l.n_seen; i++) {
                if (i + 1 < l.n_seen && streq(l.seen[i].name, l.seen[i + 1].name))
                        continue; /* a later layer has it */
                ConfigFile *f = &set.files[set.n];
                r = load_seen(&l, &l.seen[i], set.n < max, max_size, f);
                set.n++;
                if (r < 0)
                        return r;
                if (r == 0)
                        config_file_clear(&set.files[--set.n]);
        }
        *ret = (ConfigSet){ .files = TAKE_PTR(set.files), .n = set.n };
        return 0;
}

int config_file_load(const char *const *dirs, const char *name, size_t max_size, ConfigFile *ret,
                char **ret_sentence) {
        _cleanup_(layers_clear) Layers l;
        int r = layers_open(&l, dirs, NULL, ret_sentence);
        if (r < 0)
                return r;
        _cleanup_free_ char *file = NULL;
        if (asprintf(&file, "%s%s", name, suffix) < 0) {
                file = NULL;
                return -ENOMEM;
        }
        for (size_t i = l.n; i-- > 0;) {
                struct stat st;
                if (l.fds[i] < 0 ||
                                (fstatat(l.fds[i], file, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT))
                        continue;
                _cleanup_(config_file_clear) ConfigFile f = { 0 };
                const Seen seen = { .name = file, .layer = i };
                r = load_seen(&l, &seen, true, max_size, &f);
                if (r > 0) {
                        *ret = f;
                        f = (ConfigFile){ 0 };
                }
                return r;
        }
        return 0;
}

static int write_whole(int dir, const char *temporary, const char *text, size_t size) {
        if (unlinkat(dir, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        _cleanup_close_ int fd =
                        openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        int r = fd_write_all(fd, text, size);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        return r;
}

int config_file_write(int dir, const char *name, const char *text, size_t size) {
        _cleanup_free_ char *temporary = NULL;
        if (asprintf(&temporary, ".%s.new", name) < 0) {
                temporary = NULL;
                return -ENOMEM;
        }
        int r = write_whole(dir, temporary, text, size);
        if (r == 0 && renameat(dir, temporary, dir, name) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlinkat(dir, temporary, 0); /* nothing reads it */
                return r;
        }
        return fsync(dir) < 0 ? -errno : 0;
}
