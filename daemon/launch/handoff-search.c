/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cage.h"
#include "cleanup.h"
#include "fd.h"
#include "findings.h"
#include "git-settings.h"
#include "gitlink.h"
#include "handoff-search.h"
#include "limits.h"
#include "name-rules.h"
#include "open.h"
#include "walk.h"

typedef struct Search {
        Cage *cage;
        Names *names;
        Findings *findings;
        size_t root; /* that is walked */
        bool nested; /* other grants are below it */
        bool deep;   /* there are names that count in every directory */
        const PlanHandoff *list;
        size_t n;
        const char *here[LIMIT_PLAN_HANDOFF]; /* the names that count at the root that is walked */
        bool seen[LIMIT_PLAN_HANDOFF];        /* of those: something has the name of its first component */
        bool existing[LIMIT_PLAN_HANDOFF];    /* of list: it was looked at in the directory that is walked */
        bool initials[256];                   /* of PLAN_HANDOFF_ROOT, however they are written */
        const char *const *in_repository,
                        *const *beside_link; /* what is protected where .git is a directory, and where it is not */
        size_t repositories;
        GitHome home;
        char *detail; /* of a failure */
} Search;

/* ---- what may not be granted ---- */

static bool is_at_or_below(const char *path, const char *name) {
        size_t n = strlen(name);
        return strncmp(path, name, n) == 0 && (path[n] == 0 || path[n] == '/');
}

/* Whether a path, behind its .git, is at or below one of a git directory's own names: hooks, modules/x/config. */
static bool is_of_gitdir(const Search *s, const char *path) {
        const char *git = strstr(path, "/.git/");
        for (const char *p = git ? git + 5 : NULL; p; p = strchr(p + 1, '/'))
                for (size_t i = 0; i < s->n; i++)
                        if (s->list[i].where == PLAN_HANDOFF_GITDIR &&
                                        is_at_or_below(p + 1, s->list[i].path))
                                return true;
        return false;
}

/* What is left, below a root, of a path that is relative to "/". */
static const char *rest_below(const char *root, const char *path) {
        size_t n = strlen(root + 1);
        if (n == 0)
                return path;
        return strncmp(path, root + 1, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static size_t writable_above(const Names *n, const char *path) {
        size_t deepest = NO_ROOT;
        for (size_t i = 0; i < n->n_roots; i++)
                if (n->roots[i].writable && n->roots[i].granted && rest_below(n->roots[i].path, path) &&
                                (deepest == NO_ROOT ||
                                                strlen(n->roots[i].path) > strlen(n->roots[deepest].path)))
                        deepest = i;
        return deepest;
}

/* The name that an item stands for below a root; NULL where it stands for none there. */
static const char *name_at(const Search *s, const PlanHandoff *h, size_t root) {
        if (h->where == PLAN_HANDOFF_ROOT)
                return h->path;
        return h->where == PLAN_HANDOFF_GRANT && writable_above(s->names, h->path) == root
                               ? rest_below(s->names->roots[root].path, h->path)
                               : NULL;
}

static bool is_name_of(const Search *s, size_t root, const char *path) {
        const char *above = s->names->roots[root].path;
        if (!path_is_below(path, above))
                return false;
        path += above[1] ? strlen(above) + 1 : 1;
        for (size_t i = 0; i < s->n; i++) {
                const char *name = name_at(s, &s->list[i], root);
                if (name && is_at_or_below(path, name))
                        return true;
        }
        return false;
}

/* To be written and protected at once is impossible: what the host trusts cannot be what an agent works in. mxcd refuses it by
 * the path that was asked for; here it is known where that leads. */
static int refuse_trusted(Search *s) {
        Names *n = s->names;
        for (size_t i = 0; i < n->n_roots; i++) {
                const char *canonical = NULL;
                int r = n->roots[i].writable ? names_canonical(n, i, &canonical) : 0;
                if (r < 0)
                        return r;
                bool trusted = canonical && is_of_gitdir(s, canonical);
                for (size_t k = 0; canonical && k < n->n_roots; k++)
                        trusted = trusted || (n->roots[k].writable && is_name_of(s, k, n->roots[i].path));
                if (trusted) {
                        s->cage->detail = n->roots[i].path;
                        return -EPERM;
                }
        }
        return 0;
}

/* ---- names of a root ---- */

/* Whether an entry could be the first component of a path: exactly, or where letters' case means nothing. */
static bool may_begin(const char *path, const char *name) {
        size_t n = strcspn(path, "/");
        for (const char *p = name; *p; p++)
                if ((unsigned char)*p > 0x7f)
                        return true;
        return strlen(name) == n && strncasecmp(path, name, n) == 0;
}

static int add_root_names(Search *s) {
        const NameRoot *root = &s->names->roots[s->root];
        int host = root->host; /* the array of roots may move */
        for (size_t i = 0; i < s->n; i++) {
                const char *name = s->here[i];
                if (!name)
                        continue;
                int r = names_add(
                                s->names, GUARD_RULE_PROTECT, s->root, s->seen[i] ? host : -EBADF, "", name);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- names of a repository ---- */

static int append(char **list, size_t *n, const char *before, const char *name) {
        if (asprintf(&list[*n], "%s%s", before, name) < 0) {
                list[*n] = NULL;
                return -ENOMEM;
        }
        (*n)++;
        return 0;
}

/* One list for all repositories of a kind. A .git that is a directory is protected name by name, any other as a whole. */
static int make_list(Search *s, bool is_dir, const char *const **ret) {
        char **list = calloc(s->n + 2, sizeof(char *));
        size_t n = 0;
        int r = !list ? -ENOMEM : is_dir ? 0 : append(list, &n, "", ".git");
        for (size_t i = 0; r == 0 && i < s->n; i++)
                if (s->list[i].where == PLAN_HANDOFF_ROOT)
                        r = append(list, &n, "", s->list[i].path);
                else if (s->list[i].where == PLAN_HANDOFF_GITDIR && is_dir)
                        r = append(list, &n, ".git/", s->list[i].path);
        if (!list)
                return r;
        int q = names_keep_list(s->names, list);
        *ret = (const char *const *)list;
        return r < 0 ? r : q;
}

static int make_lists(Search *s) {
        for (size_t i = 0; i < s->n; i++)
                if (s->list[i].where == PLAN_HANDOFF_ROOT) {
                        unsigned char c = (unsigned char)s->list[i].path[0];
                        s->initials[tolower(c)] = s->initials[toupper(c)] = true;
                }
        for (int c = 0x80; c < 256; c++)
                s->initials[c] = true; /* some of them are letters that fold to others */
        int r = make_list(s, true, &s->in_repository);
        return r < 0 ? r : make_list(s, false, &s->beside_link);
}

/* What a granted root has anyway, and more; its rules come after it was walked. */
static bool is_granted_root(const Search *s, const WalkDir *dir) {
        return dir->path[0] == 0 && s->names->roots[s->root].granted;
}

/* Whether or not anything is there. What is there is looked at when its name is read. */
static int add_repository(Search *s, const WalkDir *dir) {
        if (++s->repositories > LIMIT_HANDOFF_REPOSITORIES)
                return -E2BIG;
        const char *const *list = dir->dot_git == DT_DIR ? s->in_repository : s->beside_link;
        if (is_granted_root(s, dir))
                return 0;
        if (dir->path[0])
                return names_add_list(s->names, GUARD_RULE_PROTECT, s->root, dir->path, list);
        int r = 0;
        for (; r == 0 && *list; list++)
                r = names_add(s->names, GUARD_RULE_PROTECT, s->root, -EBADF, "", *list);
        return r;
}

/* Each item once in a directory, however many names there might be its first: it is the same rule each time. */
static int add_existing(Search *s, const WalkDir *dir, const char *name) {
        int r = 0;
        for (size_t i = 0; r == 0 && s->initials[(unsigned char)name[0]] && i < s->n; i++)
                if (s->list[i].where == PLAN_HANDOFF_ROOT && !s->existing[i] &&
                                may_begin(s->list[i].path, name)) {
                        s->existing[i] = true;
                        r = names_add(s->names, GUARD_RULE_PROTECT, s->root, dir->fd, dir->path,
                                        s->list[i].path);
                }
        return r;
}

/* ---- git directories ---- */

static int add_gitdir_names(Search *s, size_t root, int dir, const char *at) {
        for (size_t i = 0; i < s->n; i++) {
                if (s->list[i].where != PLAN_HANDOFF_GITDIR)
                        continue;
                int r = names_add(s->names, GUARD_RULE_PROTECT, root, dir, at, s->list[i].path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static char *path_in_cage(const Search *s, const char *path, const char *name) {
        const char *root = s->names->roots[s->root].path;
        char *whole;
        return asprintf(&whole, "%s%s%s%s%s", root[1] ? root : "", path[0] ? "/" : "", path,
                               name[0] ? "/" : "", name) < 0
                               ? NULL
                               : whole;
}

/* NULL in *ret: there is none that git would go by. */
static int read_link(int dir, const char *name, GitlinkKind kind, char **ret) {
        _cleanup_close_ int fd =
                        openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        char data[GITLINK_MAX];
        struct stat st;
        if (fd < 0)
                return git_is_absence(-errno) ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return 0;
        ssize_t n = pread(fd, data, sizeof(data), 0);
        if (n < 0)
                return -errno;
        int r = n == 0 ? -EBADMSG : gitlink_parse(data, (size_t)n, kind, ret);
        return r == -EBADMSG ? 0 : r;
}

/* A variable that says where something is, as the agent has it. */
static const char *path_in_env(const LaunchPlan *p, const char *name) {
        const size_t n = strlen(name);
        for (size_t i = 0; i < p->n_env; i++)
                if (strncmp(p->env[i], name, n) == 0 && p->env[i][n] == '=' && p->env[i][n + 1] == '/')
                        return p->env[i] + n + 1;
        return NULL;
}

/* A directory of a git directory's files, wherever that is. */
typedef struct Place {
        size_t root; /* NO_ROOT: outside of every grant */
        int fd;
        const char *at;
} Place;

static Place place_of(const NamePlace *p) {
        return (Place){ p->root, p->fd, p->path ? p->path : "" };
}

/* Of what there is too much. */
static void explain_many(Search *s, const char *where) {
        const Names *n = s->names;
        unsigned most = LIMIT_HANDOFF_DIRS;
        const char *what = "directories to search for git repositories";
        if (s->home.of) {
                most = s->home.most;
                what = s->home.of;
        } else if (s->repositories > LIMIT_HANDOFF_REPOSITORIES) {
                most = LIMIT_HANDOFF_REPOSITORIES;
                what = "git repositories";
        } else if (n->n_rules >= LIMIT_NAME_RULES) {
                most = LIMIT_NAME_RULES;
                what = "names that programs of the host trust";
        }
        if (asprintf(&s->detail, "%s: more than %u %s", where, most, what) < 0)
                s->detail = NULL;
}

/* Takes where: a file, or a setting. */
static void explain_settings(Search *s, int error, char *where) {
        _cleanup_free_ char *named = where;
        const char *by = error == -ENODATA ? "is in a home that is not known"
                         : error == -EPERM ? "is granted, and git trusts it"
                                           : NULL;
        if (named && error == -E2BIG)
                explain_many(s, named);
        else if (!named || !by || !s->home.failed_by)
                s->detail = TAKE_PTR(named);
        else if (asprintf(&s->detail, "%s: %s %s", named, s->home.failed_by, by) < 0)
                s->detail = NULL;
}

/* named: in dir, what led there. */
static int add_settings_of(Search *s, const WalkDir *dir, const char *named, Place p, const char *file,
                const char *worktree) {
        int r = git_settings_protect(s->names, &s->home, p.root, p.fd, p.at, file, worktree);
        if (r < 0)
                explain_settings(s, r, path_in_cage(s, dir->path, named));
        return r;
}

/* Of a .git the worktree is what it is in; of others, unless they say so themselves, they are it. */
static int add_settings(Search *s, const WalkDir *dir, const char *file) {
        const char *path = dir->path[0] ? dir->path : s->names->roots[s->root].path,
                   *slash = strrchr(path, '/');
        return add_settings_of(s, dir, file, (Place){ s->root, dir->fd, dir->path }, file,
                        streq(slash ? slash + 1 : path, ".git") ? ".." : "");
}

/* The names of a git directory that no agent can write: they may be links to what it can. */
static int add_names_elsewhere(Search *s, Place p) {
        int r = 0;
        if (p.fd < 0 || (p.root != NO_ROOT && s->names->roots[p.root].writable))
                return 0; /* rules of their own */
        for (size_t i = 0; r == 0 && i < s->n; i++) {
                _cleanup_(name_place_clear) NamePlace to = { .root = NO_ROOT, .fd = -EBADF };
                if (s->list[i].where != PLAN_HANDOFF_GITDIR)
                        continue;
                r = names_follow(s->names, p.root, p.fd, p.at, s->list[i].path, &to);
                if (r == 0)
                        r = names_add_led_to(s->names, &to);
        }
        return r;
}

/* gitdir, common: of the worktree, and may be the same. */
static int add_names_of_worktree(Search *s, Place gitdir, Place common, const char *worktree) {
        _cleanup_(name_place_clear) NamePlace work = { .root = NO_ROOT, .fd = -EBADF };
        int r = names_follow(s->names, gitdir.root, gitdir.fd, gitdir.at, worktree, &work);
        s->names->work = work.root == NO_ROOT ? NULL : &work;
        if (r == 0)
                r = add_names_elsewhere(s, gitdir);
        if (r == 0 && common.fd != gitdir.fd)
                r = add_names_elsewhere(s, common);
        s->names->work = NULL;
        return r;
}

/* Of a worktree whose git directory is elsewhere: settings are in the common one, which that names, or it is that itself. */
static int add_worktree_settings(
                Search *s, const WalkDir *dir, const char *named, Place gitdir, const char *worktree) {
        _cleanup_free_ char *path = NULL;
        _cleanup_(name_place_clear) NamePlace p = { .root = NO_ROOT, .fd = -EBADF };
        int r = read_link(gitdir.fd, "commondir", GITLINK_COMMONDIR, &path);
        if (r == 0 && path)
                r = names_follow(s->names, gitdir.root, gitdir.fd, gitdir.at, path, &p);
        const Place common = path ? place_of(&p) : gitdir;
        if (r == 0)
                r = add_names_of_worktree(s, gitdir, common, worktree);
        if (r == 0 && common.fd >= 0)
                r = add_settings_of(s, dir, named, common, "config", worktree);
        return r < 0 ? r : add_settings_of(s, dir, named, gitdir, "config.worktree", worktree);
}

/* This is the git directory of a linked worktree, which it names. */
static int add_linked_settings(Search *s, const WalkDir *dir, const char *name) {
        _cleanup_free_ char *path = NULL;
        int r = read_link(dir->fd, name, GITLINK_COMMONDIR, &path);
        char *slash = path ? strrchr(path, '/') : NULL;
        if (r < 0 || !slash)
                return r;
        *slash = 0; /* the .git of the worktree */
        return add_worktree_settings(s, dir, name, (Place){ s->root, dir->fd, dir->path }, path);
}

/* The directory on the host. */
static int path_on_host(const Search *s, const WalkDir *dir, char **ret) {
        const char *root = NULL;
        int r = names_canonical(s->names, s->root, &root);
        if (r < 0)
                return r;
        if (!root)
                return -EBADF;
        return asprintf(ret, "%s/%s", root[1] ? root : "", dir->path) < 0 ? -ENOMEM : 0;
}

/* The git directory that a worktree has by a link or a file of that name: what it says holds here, also where no agent can write it. */
static int add_gitdir_of(Search *s, const WalkDir *dir, const char *name, const NamePlace *p) {
        const bool is_there = p->fd >= 0 && S_ISDIR(p->st.st_mode);
        _cleanup_free_ char *worktree = NULL;
        int r = is_there ? path_on_host(s, dir, &worktree) : 0;
        if (r == 0 && is_there)
                r = add_worktree_settings(s, dir, name, place_of(p), worktree);
        if (r < 0 || p->root == NO_ROOT || !s->names->roots[p->root].writable)
                return r;
        return add_gitdir_names(s, p->root, is_there ? p->fd : -EBADF, p->path);
}

/* A git directory that a file names, wherever that is and whether or not it is there. */
static int add_linked(Search *s, const WalkDir *dir, const char *name, GitlinkKind kind) {
        _cleanup_free_ char *path = NULL;
        int r = read_link(dir->fd, name, kind, &path);
        if (r < 0 || !path)
                return r;
        _cleanup_(name_place_clear) NamePlace p = { .root = NO_ROOT, .fd = -EBADF };
        r = names_follow(s->names, s->root, dir->fd, dir->path, path, &p);
        if (r == 0 && kind == GITLINK_DOT_GIT)
                return add_gitdir_of(s, dir, name, &p);
        if (r < 0 || p.root == NO_ROOT || !s->names->roots[p.root].writable)
                return r;
        return add_gitdir_names(s, p.root, p.fd >= 0 && S_ISDIR(p.st.st_mode) ? p.fd : -EBADF, p.path);
}

/* .git that is no directory: a file that leads to one, which must stay and what it says too, or a symlink. */
static int add_dot_git(Search *s, const WalkDir *dir, const WalkEntry *e) {
        int r = names_add(s->names, GUARD_RULE_PROTECT, s->root, dir->fd, dir->path, e->name);
        if (r == 0 && e->type == DT_REG)
                return add_linked(s, dir, e->name, GITLINK_DOT_GIT);
        if (r < 0 || e->type != DT_LNK)
                return r;
        _cleanup_(name_place_clear) NamePlace p = { .root = NO_ROOT, .fd = -EBADF };
        r = names_follow(s->names, s->root, dir->fd, dir->path, e->name, &p);
        return r < 0 ? r : add_gitdir_of(s, dir, e->name, &p);
}

/* ---- the walk ---- */

/* Another grant, or what is denied: of its own, or out of the agent's reach. */
static int is_elsewhere(const Search *s, const WalkDir *dir, const WalkEntry *e) {
        _cleanup_free_ char *path = path_in_cage(s, dir->path, e->name);
        if (!path)
                return -ENOMEM;
        return plan_names_mount(s->cage->plan, path);
}

static bool is_gitdir(const WalkDir *dir) {
        return dir->kind == WALK_GITDIR || dir->is_bare;
}

/* What files of a git directory lead to, looked for by name: where case means nothing an entry may be written otherwise. Where there
 * is no configuration that of the owner holds as well. */
static int add_led_to(Search *s, const WalkDir *dir) {
        struct stat st;
        int r = add_linked(s, dir, "commondir", GITLINK_COMMONDIR);
        if (r == 0)
                r = add_linked_settings(s, dir, "gitdir");
        if (r == 0)
                r = add_settings(s, dir, "config");
        if (r == 0 && fstatat(dir->fd, "config.worktree", &st, AT_SYMLINK_NOFOLLOW) < 0)
                return git_is_absence(-errno) ? 0 : -errno;
        return r < 0 ? r : add_settings(s, dir, "config.worktree");
}

static int on_entry(void *data, const WalkDir *dir, const WalkEntry *e) {
        Search *s = data;
        const NameRoot *root = &s->names->roots[s->root];
        if (dir->path[0] == 0 && root->granted)
                for (size_t i = 0; i < s->n; i++)
                        s->seen[i] = s->seen[i] || (s->here[i] && may_begin(s->here[i], e->name));
        int r = s->nested && e->type == DT_DIR ? is_elsewhere(s, dir, e) : 0;
        if (r != 0 || !s->deep)
                return r < 0 ? r : WALK_SKIP;
        FindingKind kind = findings_kind(s->findings, root->path, dir, e);
        if (kind == FINDING_NEW || kind == FINDING_CHANGED)
                r = findings_note(s->findings, root->path, dir, e);
        if (r == 0 && dir->kind != WALK_GITDIR && e->type != DT_DIR && streq(e->name, ".git"))
                r = add_dot_git(s, dir, e);
        if (r == 0 && dir->dot_git && !is_granted_root(s, dir))
                r = add_existing(s, dir, e->name);
        return r < 0 ? r : kind == FINDING_INSIDE ? WALK_MARK : WALK_ENTER;
}

static int on_directory(void *data, const WalkDir *dir) {
        Search *s = data;
        memset(s->existing, 0, s->n * sizeof(bool));
        int r = dir->dot_git ? add_repository(s, dir) : 0;
        if (r < 0 || !is_gitdir(dir))
                return r;
        r = add_gitdir_names(s, s->root, dir->fd, dir->path);
        return r < 0 || !s->deep ? r : add_led_to(s, dir);
}

/* A mount of the host that came along: walked later, as a root of its own. */
static int on_crossing(void *data, const char *path) {
        Search *s = data;
        const NameRoot *root = &s->names->roots[s->root];
        int fd = walk_open(root->fd, path, O_PATH, true), host = walk_open(root->host, path, O_PATH, true);
        _cleanup_free_ char *in_cage = path_in_cage(s, path, "");
        if (fd >= 0 && host >= 0 && in_cage)
                return names_find_root(s->names, in_cage) == NO_ROOT
                                       ? names_add_root(s->names, in_cage, fd, host, true, false, NULL)
                                       : 0;
        cleanup_closep(&fd);
        cleanup_closep(&host);
        return in_cage ? 0 : -ENOMEM; /* it went away */
}

/* What the owner cannot list he may still enter, or change the mode of. Where he can do neither the agent cannot. */
static int on_unreadable(void *data, const char *path) {
        Search *s = data;
        const LaunchPlan *plan = s->cage->plan;
        struct stat st;
        int r = see_as_root();
        if (r < 0)
                return r;
        _cleanup_close_ int fd = walk_open(s->names->roots[s->root].host, path, 0, false);
        r = see_as_owner(plan);
        if (r < 0)
                return r;
        if (fd < 0) {
                s->detail = path_in_cage(
                                s, path, ""); /* root is nobody special there: better not go on blindly */
                return fd;
        }
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != plan->uid && faccessat(fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
                return -EBADF;
        return TAKE_FD(fd);
}

static int explain_walk(Search *s, int r) {
        const char *path = s->names->roots[s->root].path;
        if (r == -E2BIG && !s->detail)
                explain_many(s, path);
        s->cage->detail = s->detail ? s->detail : path; /* kept: the process ends with it */
        return r;
}

static int add_settings_of_owner(Search *s) {
        char *failed = NULL;
        int r = git_settings_of_owner(s->names, &s->home, &failed);
        if (r < 0) {
                explain_settings(s, r, failed);
                s->cage->detail = s->detail ? s->detail : s->cage->plan->home;
        }
        return r;
}

static int search_roots(Search *s) {
        Walk w = { .directory = on_directory,
                .entry = on_entry,
                .crossing = on_crossing,
                .unreadable = on_unreadable,
                .data = s,
                .left = LIMIT_HANDOFF_DIRS };
        for (size_t i = 0; i < s->n; i++)
                s->deep = s->deep || s->list[i].where != PLAN_HANDOFF_GRANT;
        int made = make_lists(s);
        if (made == 0 && s->deep)
                made = add_settings_of_owner(s);
        if (made < 0)
                return made;
        for (s->root = 0; s->root < s->names->n_roots; s->root++) { /* their number grows */
                const NameRoot *root = &s->names->roots[s->root];
                if (!root->writable || !root->is_dir)
                        continue;
                bool granted = root->granted;
                s->nested = plan_names_below(s->cage->plan, root->path);
                memset(s->seen, 0, sizeof(s->seen));
                for (size_t i = 0; i < s->n; i++)
                        s->here[i] = granted ? name_at(s, &s->list[i], s->root) : NULL;
                int r = walk_run(&w, root->host);
                if (r == 0 && granted)
                        r = add_root_names(s);
                if (r < 0)
                        return explain_walk(s, r);
        }
        findings_sort(s->findings);
        return 0;
}

int handoff_search(Cage *c) {
        const LaunchPlan *plan = c->plan;
        Search s = { .cage = c,
                .names = c->names,
                .findings = c->findings,
                .list = c->plan->handoff,
                .n = c->plan->n_handoff,
                .home = { .user = plan->user,
                                .home = plan->home,
                                .inside = path_in_env(plan, "HOME"),
                                .system = "/etc/gitconfig",
                                .global = path_in_env(plan, "GIT_CONFIG_GLOBAL"),
                                .config_home = path_in_env(plan, "XDG_CONFIG_HOME") } };
        int r = refuse_trusted(&s);
        if (r == 0)
                r = search_roots(&s);
        git_home_clear(&s.home);
        return r;
}
