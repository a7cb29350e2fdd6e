/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "git-command.h"
#include "git-settings.h"
#include "gitconfig.h"
#include "guard-abi.h"
#include "limits.h"

/* What is said in all files together. */
typedef struct Settings {
        Names *names;
        GitHome *home;
        char *worktree;           /* the last core.worktree */
        GitPaths trees, programs; /* each of them: which comes last, conditions decide */
        unsigned files;           /* that were read */
        bool own;                 /* the owner's: what it names is trusted in every repository */
} Settings;

/* A directory that paths begin in. */
typedef struct Base {
        size_t root; /* NO_ROOT: outside of every grant */
        int fd;
        const char *at; /* below the root */
} Base;

/* One file, while it is read. */
typedef struct File {
        Settings *all;
        Base base;      /* that it is in */
        unsigned depth; /* 1: nothing includes it */
        GitPaths included;
} File;

static void list_clear(GitPaths *l) {
        while (l->n > 0)
                free(l->list[--l->n]);
        free(l->list);
}

static void settings_clear(Settings *s) {
        free(s->worktree);
        list_clear(&s->trees);
        list_clear(&s->programs);
}

static void file_clear(File *f) {
        list_clear(&f->included);
}

/* What it failed by. */
static int fail_by(GitHome *h, int error, const char *path) {
        free(h->failed_by);
        h->failed_by = strdup(path);
        return h->failed_by ? error : -ENOMEM;
}

static int fail_by_many(GitHome *h, unsigned most, const char *of) {
        h->most = most;
        h->of = of;
        return -E2BIG;
}

/* What the kernel would not take is no path. */
static int keep(GitHome *h, GitPaths *l, const char *before, const char *value) {
        if (strlen(before) + strlen(value) > LIMIT_PATH_BYTES)
                return 0;
        if (l->n == LIMIT_NAME_RULES)
                return fail_by_many(h, LIMIT_NAME_RULES, "names in git's configuration");
        char **grown = reallocarray(l->list, l->n + 1, sizeof(char *));
        if (!grown)
                return -ENOMEM;
        l->list = grown;
        if (asprintf(&grown[l->n], "%s%s", before, value) < 0)
                return -ENOMEM;
        l->n++;
        return 0;
}

/* A path as git expands it (path.c of git: interpolate_path), and a shell; -ENODATA where we cannot. Of somebody else's home nobody asked NSS. */
static int keep_expanded(GitHome *h, GitPaths *l, const char *value) {
        if (value[0] != '~')
                return keep(h, l, "", value);
        const char *name = value + 1, *rest = name + strcspn(name, "/");
        const size_t named = (size_t)(rest - name);
        const bool owners = named == 0 || (strlen(h->user) == named && strncmp(h->user, name, named) == 0);
        if (!owners || !h->home[0])
                return fail_by(h, -ENODATA, value);
        int r = keep(h, l, h->home, rest);
        return r == 0 && named == 0 && h->inside && !streq(h->inside, h->home) ? keep(h, l, h->inside, rest)
                                                                               : r;
}

/* The mark means something to git from 2.52 on, and not in what is included; otherwise it is a part of the path. Both count. */
static int keep_path(GitHome *h, GitPaths *l, const char *value) {
        static const char optional[] = ":(optional)";
        const size_t mark = sizeof(optional) - 1;
        int r = keep_expanded(h, l, value);
        return r == 0 && strncmp(value, optional, mark) == 0 && value[mark]
                               ? keep_expanded(h, l, value + mark)
                               : r;
}

static int on_program(void *data, const char *path) {
        Settings *s = data;
        return keep_expanded(s->home, &s->programs, path);
}

/* One without a slash is searched for where programs are. Of core.gitProxy more may come behind it. */
static int keep_program(Settings *s, const char *value) {
        const char *more = strstr(value, " for ");
        _cleanup_free_ char *alone = more ? strndup(value, (size_t)(more - value)) : NULL;
        if (more && !alone)
                return -ENOMEM;
        int r = alone && strchr(alone, '/') ? keep_path(s->home, &s->programs, alone) : 0;
        return r == 0 && strchr(value, '/') ? keep_path(s->home, &s->programs, value) : r;
}

static int keep_worktree(Settings *s, const char *value) {
        char *copy = strdup(value);
        if (!copy)
                return -ENOMEM;
        free(s->worktree);
        s->worktree = copy;
        return 0;
}

static int on_setting(void *data, GitconfigKey key, const char *value) {
        File *f = data;
        switch (key) {
        case GITCONFIG_TRUSTED:
                return keep_path(f->all->home, &f->all->trees, value);
        case GITCONFIG_INCLUDE:
                return keep_path(f->all->home, &f->included, value);
        case GITCONFIG_WORKTREE:
                return keep_worktree(f->all, value);
        case GITCONFIG_COMMAND:
                return git_command_parse(value, on_program, f->all);
        case GITCONFIG_BANG:
                return value[0] == '!' || value[0] == '/'
                                       ? git_command_parse(value + (value[0] == '!'), on_program, f->all)
                                       : 0;
        case GITCONFIG_PROGRAM:
                return keep_program(f->all, value);
        case _GITCONFIG_KEY_MAX:
                break;
        }
        return -EINVAL;
}

bool git_is_absence(int r) {
        return r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -ELOOP || r == -ENAMETOOLONG ||
               r == -ENXIO || r == -ENODEV;
}

static int read_file(int dir, const char *name, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd =
                        fd_openat2(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_NO_MAGICLINKS);
        struct stat st;
        if (fd < 0)
                return git_is_absence(fd) ? -ENOENT : fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOENT;
        _cleanup_free_ char *text = malloc(GITCONFIG_MAX + 1);
        size_t n = 0;
        ssize_t r = 1;
        if (!text)
                return -ENOMEM;
        while (r > 0 && n <= GITCONFIG_MAX) {
                r = pread(fd, text + n, GITCONFIG_MAX + 1 - n, (off_t)n);
                n += r > 0 ? (size_t)r : 0;
        }
        if (r < 0 || n > GITCONFIG_MAX)
                return r < 0 ? -errno : -EFBIG;
        *ret = TAKE_PTR(text);
        *ret_size = n;
        return 0;
}

/* Exactly a grant that can be written, and what git would read or run from: not a device, which says that there is nothing. */
static bool is_given(const Names *n, const NamePlace *p) {
        return p->root != NO_ROOT && p->path[0] == 0 && n->roots[p->root].granted &&
               n->roots[p->root].writable && (S_ISDIR(p->st.st_mode) || S_ISREG(p->st.st_mode));
}

/* No file system has it, and no rule can be about it. */
static bool has_long_name(const char *path) {
        for (size_t n; *path; path += n + (path[n] == '/')) {
                n = strcspn(path, "/");
                if (n > GUARD_NAME_MAX)
                        return true;
        }
        return false;
}

/* The place and everything below it, but of a program that is a directory: it is none, and its name is only a word of a command. What is
 * granted as such cannot be protected as well: of a repository the worktree may be that, and is the agent's; of what the owner says of
 * all of them it is refused. */
static int protect(const Settings *s, const Base *b, const char *before, const char *value, bool program,
                NamePlace *ret) {
        _cleanup_free_ char *path = NULL;
        const char *first = value[0] == '/' ? "" : before;
        if (asprintf(&path, "%s%s%s", first, first[0] ? "/" : "", value) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (strlen(path) > LIMIT_PATH_BYTES || has_long_name(path))
                return 0;
        int r = names_follow(s->names, b->root, b->fd, b->at, path, ret);
        if (r == 0 && program && ret->fd >= 0 && S_ISDIR(ret->st.st_mode))
                return 0;
        if (r == 0 && s->own && is_given(s->names, ret))
                return fail_by(s->home, -EPERM, path);
        return r < 0 || names_is_around(ret, b->root, b->at) ? r : names_add_led_to(s->names, ret);
}

static int read_settings(Settings *s, const Base *base, const char *name, unsigned depth);

/* What an included file includes is relative to the directory that it was named in (config.c of git: handle_path_include), not to
 * the one that the last link leads to. */
static int include(const File *f, const char *value) {
        _cleanup_(name_place_clear) NamePlace p = { .root = NO_ROOT, .fd = -EBADF },
                                              in = { .root = NO_ROOT, .fd = -EBADF };
        int r = protect(f->all, &f->base, "", value, false, &p);
        if (r < 0 || p.fd < 0 || !S_ISREG(p.st.st_mode))
                return r;
        const char *slash = strrchr(value, '/');
        _cleanup_free_ char *dir = slash ? strndup(value, (size_t)(slash + 1 - value)) : strdup(".");
        if (!dir)
                return -ENOMEM;
        r = names_follow(f->all->names, f->base.root, f->base.fd, f->base.at, dir, &in);
        const Base base = { in.root, in.fd, in.path ? in.path : "" };
        return r < 0 || in.fd < 0 ? r
                                  : read_settings(f->all, &base, slash ? slash + 1 : value, f->depth + 1);
}

static int read_settings(Settings *s, const Base *base, const char *name, unsigned depth) {
        _cleanup_(file_clear) File f = { .all = s, .base = *base, .depth = depth };
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        if (depth > GIT_SETTINGS_DEPTH + 1)
                return 0;
        if (++s->files > LIMIT_GIT_FILES)
                return fail_by_many(s->home, LIMIT_GIT_FILES, "files of git's configuration");
        int r = read_file(base->fd, name, &text, &size);
        if (r == 0)
                r = gitconfig_parse(text, size, on_setting, &f);
        for (size_t i = 0; r == 0 && i < f.included.n; i++)
                r = include(&f, f.included.list[i]);
        return r == -ENOENT ? 0 : r;
}

/* Relative ones begin in the worktree. */
static int protect_path(
                const Settings *s, const Base *base, const char *worktree, const char *path, bool program) {
        if (path[strspn(path, "./")] == 0)
                return 0; /* the worktree, or what that is in */
        _cleanup_(name_place_clear) NamePlace p = { .root = NO_ROOT, .fd = -EBADF };
        return protect(s, base, worktree, path, program, &p);
}

static int protect_all(const Settings *s, const Base *base, const char *worktree, const GitPaths *l,
                bool programs) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < l->n; i++)
                r = protect_path(s, base, worktree, l->list[i], programs);
        return r;
}

int git_settings_protect(Names *n, GitHome *home, size_t root, int dir, const char *at, const char *file,
                const char *worktree) {
        _cleanup_(settings_clear) Settings s = { .names = n, .home = home };
        const Base base = { root, dir, at };
        _cleanup_(name_place_clear) NamePlace work = { .root = NO_ROOT, .fd = -EBADF };
        int r = read_settings(&s, &base, file, 1);
        const char *begin = s.worktree ? s.worktree : worktree;
        if (r == 0 && s.trees.n + s.programs.n + home->trees.n + home->programs.n > 0)
                r = names_follow(n, root, dir, at, begin, &work);
        n->work = work.root == NO_ROOT ? NULL : &work;
        const GitPaths *const trees[] = { &s.trees, &home->trees }, *const programs[] = { &s.programs,
                &home->programs };
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(trees); i++) {
                r = protect_all(&s, &base, begin, trees[i], false);
                if (r == 0)
                        r = protect_all(&s, &base, begin, programs[i], true);
        }
        n->work = NULL;
        return r;
}

/* ---- the owner's own configuration ---- */

/* Those that are relative to each worktree stay; the others are somewhere now. */
static int settle(const Settings *s, const Base *base, const GitPaths *from, GitPaths *to, bool programs) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < from->n; i++)
                r = from->list[i][0] == '/' ? protect_path(s, base, "", from->list[i], programs)
                                            : keep(s->home, to, "", from->list[i]);
        return r;
}

static int settle_all(Settings *s, const Base *base, char **ret_failed) {
        const char *by = "core.hooksPath";
        int r = settle(s, base, &s->trees, &s->home->trees, false);
        if (r == 0) {
                by = "a command of git";
                r = settle(s, base, &s->programs, &s->home->programs, true);
        }
        if (r < 0)
                *ret_failed = strdup(by);
        return r;
}

/* Whether or not it is there: a name that the agent could make. */
static int read_own(Settings *s, const Base *base, const char *before, const char *name, char **ret_failed) {
        const File none = { .all = s, .base = *base };
        int r = include(&none, name);
        if (r < 0 && asprintf(ret_failed, "%s%s%s", before, before[0] ? "/" : "", name) < 0)
                *ret_failed = NULL;
        return r;
}

static int read_home(Settings *s, const Base *top, char **ret_failed) {
        static const char *const own[] = { ".gitconfig", ".config/git/config" };
        const char *home = s->home->home;
        _cleanup_(name_place_clear) NamePlace p = { .root = NO_ROOT, .fd = -EBADF };
        int r = names_follow(s->names, top->root, top->fd, top->at, home, &p);
        if (r < 0 || p.fd < 0)
                return r;
        const Base base = { p.root, p.fd, p.path ? p.path : "" };
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(own); i++)
                r = read_own(s, &base, home, own[i], ret_failed);
        return r < 0 ? r : protect_path(s, &base, "", ".config/git/attributes", false);
}

static int read_named(Settings *s, const Base *top, char **ret_failed) {
        const GitHome *h = s->home;
        _cleanup_free_ char *config = NULL;
        int r = h->system ? read_own(s, top, "", h->system, ret_failed) : 0;
        if (r == 0 && h->home[0])
                r = read_home(s, top, ret_failed);
        if (r == 0 && h->global)
                r = read_own(s, top, "", h->global, ret_failed);
        if (r < 0 || !h->config_home)
                return r;
        if (asprintf(&config, "%s/git/config", h->config_home) < 0) {
                config = NULL;
                return -ENOMEM;
        }
        return read_own(s, top, "", config, ret_failed);
}

int git_settings_of_owner(Names *n, GitHome *home, char **ret_failed) {
        _cleanup_(settings_clear) Settings s = { .names = n, .home = home, .own = true };
        _cleanup_close_ int top_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        const Base top = { NO_ROOT, top_fd, "" };
        if (top_fd < 0)
                return -errno;
        int r = read_named(&s, &top, ret_failed);
        return r < 0 ? r : settle_all(&s, &top, ret_failed);
}

void git_home_clear(GitHome *home) {
        list_clear(&home->trees);
        list_clear(&home->programs);
        free(home->failed_by);
}
