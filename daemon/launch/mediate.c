/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mediate.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "cage.h"
#include "cleanup.h"
#include "mediate-internal.h"
#include "name-rules.h"
#include "open.h"
#include "slow-mounts.h"

/* ---- the trees ---- */

static const struct {
        unsigned long type; /* as statfs(2) tells it */
        Folding folding;
} foldings[] = {
        { 0x4244, FOLDS_ALWAYS },     /* hfs */
        { 0x482b, FOLDS_ALWAYS },     /* hfs+ */
        { 0x4d44, FOLDS_ALWAYS },     /* vfat */
        { 0xadff, FOLDS_ALWAYS },     /* affs */
        { 0x2011bab0, FOLDS_ALWAYS }, /* exfat */
        { 0x7366746e, FOLDS_ALWAYS }, /* ntfs3 */
        { 0xfe534d42, FOLDS_ALWAYS }, /* smb2, smb3 */
        { 0xff534d42, FOLDS_ALWAYS }, /* cifs */
        { 0x9123683e, FOLDS_NEVER },  /* btrfs */
        { 0x58465342, FOLDS_NEVER },  /* xfs */
};

static int folding_of(int fd, Folding *ret) {
        struct statfs fs;
        if (fstatfs(fd, &fs) < 0)
                return -errno;
        *ret = FOLDS_BY_DIRECTORY;
        for (size_t i = 0; i < ELEMENTSOF(foldings); i++)
                if (foldings[i].type == (unsigned long)fs.f_type)
                        *ret = foldings[i].folding;
        return 0;
}

/* A read-only clone, with all that is mounted in it as it is, over the tree itself. */
static int put_cover(int root, int *ret) {
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
        _cleanup_close_ int cover = open_tree(
                        root, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (cover < 0 || mount_setattr(cover, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
                return -errno;
        if (move_mount(cover, "", root, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return -errno;
        *ret = TAKE_FD(cover);
        return 0;
}

static int enter_cover(const RuledTree *t) {
        if (!streq(t->path, "/"))
                return 0;
        return fchdir(t->cover) < 0 || chroot(".") < 0
                               ? -errno
                               : 0; /* what lies over the root is not the root by itself */
}

/* Takes the place of whatever lies at that path in the cage now; it must be what the rules are about. */
static int add_tree(Mediator *m, const MediatorRoot *root, const Identity *expected) {
        RuledTree *t = &m->trees[m->n_trees++];
        *t = (RuledTree){ .root = -EBADF, .cover = -EBADF };
        t->root = open_path(AT_FDCWD, root->path, root->above, 0);
        if (t->root < 0)
                return t->root;
        Identity id;
        int r = identity_of(t->root, "", &id);
        if (r == 0 && (id.ino != expected->ino || id.dev != expected->dev))
                r = -ESTALE;
        if (r == 0)
                r = folding_of(t->root, &t->folding);
        if (r < 0)
                return r;
        t->beneath = t->visible = id.mount;
        t->flags = guard_table_object(&m->table, id.ino, id.dev, id.generation, &t->node) & WRITING;
        t->path = strdup(root->path);
        if (!t->path)
                return -ENOMEM;
        if (!root->writable)
                return 0;
        r = put_cover(t->root, &t->cover);
        if (r == 0)
                r = identity_of(t->cover, "", &id);
        t->visible = id.mount;
        return r < 0 ? r : enter_cover(t);
}

/* Roots of which some rule speaks; of a rule about an object it is not known which, so it may be any. */
static bool has_rules(const Mediator *m, const MediatorRoot *root, const GuardRule *rules, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (rules[i].path && rules[i].fd == root->fd)
                        return true;
        return m->knows_objects;
}

static int add_trees(Mediator *m, const MediatorRoot *roots, size_t n_roots, const GuardRule *rules,
                size_t n, const char **ret_detail) {
        m->trees = calloc(n_roots + 1, sizeof(RuledTree));
        if (!m->trees)
                return -ENOMEM;
        for (size_t i = 0; i < n_roots; i++) {
                Identity id;
                int r = identity_of(roots[i].fd, "", &id);
                *ret_detail = roots[i].path;
                if (r == 0 && S_ISDIR(id.mode) && has_rules(m, &roots[i], rules, n))
                        r = add_tree(m, &roots[i], &id);
                if (r < 0)
                        return r;
        }
        *ret_detail = NULL;
        return 0;
}

/* ---- the rules ---- */

static int identify(int fd, GuardIdentity *ret) {
        Identity id;
        Folding folding;
        int r = identity_of(fd, "", &id);
        if (r == 0)
                r = folding_of(fd, &folding);
        if (r < 0)
                return r;
        *ret = (GuardIdentity){
                .ino = id.ino,
                .dev = id.dev,
                .generation = id.generation,
                .mode = id.mode,
                .may_fold = folding != FOLDS_NEVER,
        };
        return 0;
}

static int take_rules(Mediator *m, const GuardRule *rules, size_t n) {
        _cleanup_free_ GuardIdentity *ids = calloc(n + 1, sizeof(*ids));
        int r = ids ? 0 : -ENOMEM;
        for (size_t i = 0; r == 0 && i < n; i++) {
                bool about_object = rules[i].kind != GUARD_RULE_ROOT && !rules[i].path;
                if (i > 0 && rules[i].fd == rules[i - 1].fd) /* they come root by root */
                        ids[i] = ids[i - 1];
                else
                        r = identify(rules[i].fd, &ids[i]);
                m->reads = m->reads || (rules[i].kind == GUARD_RULE_DENY && rules[i].path);
                m->knows_objects = m->knows_objects || about_object;
                m->knows_directories = m->knows_directories || (about_object && S_ISDIR(ids[i].mode));
        }
        if (r == 0)
                r = guard_table_fill(&m->table, 0, rules, ids, n);
        return r < 0 ? r : guard_table_sort(&m->table);
}

static int open_doors(Mediator *m) {
        Identity id;
        for (size_t i = 0; i < MEDIATOR_LISTENERS; i++)
                m->listeners[i] = -EBADF;
        m->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        m->descriptors = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = m->proc < 0 || m->descriptors < 0 ? -errno : identity_of(m->proc, "", &id);
        if (r < 0)
                return r;
        m->proc_mount = id.mount;
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, m->door) < 0 ? -errno
                                                                                                  : 0;
}

int mediator_new(const MediatorRoot *roots, size_t n_roots, const GuardRule *rules, size_t n, bool slow,
                Mediator **ret, const char **ret_detail) {
        Mediator *m = calloc(1, sizeof(Mediator));
        if (!m)
                return -ENOMEM;
        int r = take_rules(m, rules, n);
        if (r == 0)
                r = add_trees(m, roots, n_roots, rules, n, ret_detail);
        if (r == 0)
                r = open_doors(m);
        m->slow = slow;
        *ret = m; /* lives as long as the process, which ends with a failure */
        return r;
}

/* ---- the wall ---- */

/* The rules that there is somebody to break: what is denied outside of every grant can be met only by another name of it, and
 * for that alone reading is not mediated. */
static size_t choose_rules(const Cage *c, GuardRule *ret) {
        bool needed = false, reads = false;
        size_t n = 0;
        for (size_t i = 0; i < c->n_rules; i++) {
                needed = needed || c->rules[i].path;
                reads = reads || (c->rules[i].kind == GUARD_RULE_DENY && c->rules[i].path);
        }
        for (size_t i = 0; needed && i < c->n_rules; i++)
                if (reads || c->rules[i].kind != GUARD_RULE_DENY)
                        ret[n++] = c->rules[i];
        return n;
}

static int compare_roots(const void *a, const void *b) {
        return strcmp(((const MediatorRoot *)a)->path, ((const MediatorRoot *)b)->path);
}

static size_t choose_roots(const Cage *c, MediatorRoot *ret) {
        const Names *names = c->names;
        size_t n = 0;
        for (size_t i = 0; i < names->n_roots; i++) {
                const NameRoot *r = &names->roots[i];
                const PlanMount *above = plan_topmost_writable(c->plan, r->path);
                if (r->is_dir)
                        ret[n++] = (MediatorRoot){ r->fd, r->path, above ? above->path : NULL, r->writable };
        }
        if (n > 0)
                qsort(ret, n, sizeof(MediatorRoot),
                                compare_roots); /* one above comes before those below it */
        return n;
}

int wall_mediate(Cage *c) {
        if (c->guarded || !c->names)
                return 0;
        if (c->prove && !c->can_mediate)
                return 0; /* the guard may be there: a proof has no leaf for rules of its own. Without both, no spawn gets past here */
        _cleanup_free_ GuardRule *rules = calloc(c->n_rules + 1, sizeof(GuardRule));
        _cleanup_free_ MediatorRoot *roots = calloc(c->names->n_roots + 1, sizeof(MediatorRoot));
        if (!rules || !roots)
                return -ENOMEM;
        size_t n = choose_rules(c, rules);
        if (n == 0)
                return 0;
        if (!c->can_mediate) {
                c->detail = "names are denied or protected here, and this kernel has neither BPF LSM "
                            "programs nor a "
                            "seccomp that could keep them";
                return -EOPNOTSUPP;
        }
        bool slow = false;
        int r = c->may_be_slow ? slow_mounts_here(&slow) : 0;
        return r < 0 ? r
                     : mediator_new(roots, choose_roots(c, roots), rules, n, slow, &c->mediator, &c->detail);
}
