/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard: BPF LSM programs that refuse, to processes of a sandbox and to no others, what its rules forbid
 * (common/guard-abi.h). The hook itself decides, from maps that only root can write; there is no state between two hooks and
 * no buffer that two tasks share, so there is no race that allows. Whatever cannot be looked at is refused.
 *
 * Not covered, because no hook has the name: whether a name exists below a denied directory can be told from ENOENT or
 * EACCES, access(2) and chdir(2) look at the mode bits alone, and O_PATH opens (of use for nothing that is not covered). The
 * mask that mxc-launch lays over what exists closes these. */

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "guard-abi.h"

/* LGPL-2.1 section 3: this copy may be taken under the GPL, which the kernel asks of LSM programs. */
char LICENSE[] SEC("license") = "GPL";

/* Of a sandbox's leaf, from the host's root on, however deep the container is that all of this is in: commands of Exec are in groups below it. */
#define MAX_LEVEL 64
#define MAX_DEPTH 4096 /* directories above an object; deeper is refused */

#define READING GUARD_DENIED
#define WRITING (GUARD_DENIED | GUARD_PROTECTED)
#define REPLACING (GUARD_DENIED | GUARD_PROTECTED | GUARD_PINNED)

#define MAP(map_name, key_type, value_type, entries)                                                        \
        struct {                                                                                            \
                __uint(type, BPF_MAP_TYPE_HASH);                                                            \
                __uint(map_flags, BPF_F_NO_PREALLOC);                                                       \
                __uint(max_entries, entries);                                                               \
                __type(key, key_type);                                                                      \
                __type(value, value_type);                                                                  \
        } map_name SEC(".maps")

MAP(sandboxes, __u64, GuardSandbox, GUARD_MAX_SANDBOXES);
MAP(anchors, GuardAnchorKey, GuardAnchor, GUARD_MAX_ANCHORS);
MAP(names, GuardNameKey, GuardName, GUARD_MAX_NAMES);
MAP(journal, GuardJournalKey, GuardJournal, GUARD_MAX_JOURNAL);
MAP(identities, __u64, GuardIdentity, 1024);

/* The sandbox that the current task lives in, or 0. */
static __noinline __u64 current_sandbox(void) {
        __u64 id = bpf_get_current_cgroup_id();
        if (bpf_map_lookup_elem(&sandboxes, &id))
                return id;
        for (int level = 1; level <= MAX_LEVEL; level++) {
                id = bpf_get_current_ancestor_cgroup_id(level);
                if (id == 0)
                        break;
                if (bpf_map_lookup_elem(&sandboxes, &id))
                        return id;
        }
        return 0;
}

struct walk {
        struct dentry *dentry;
        __u64 cgroup;
        __u32 flags;
        __u32 node;  /* of the root that was met */
        __u32 depth; /* steps from the object to it */
        __u32 ended; /* at a root of either kind: otherwise too deep */
};

static long step_up(__u32 i, struct walk *w) {
        struct dentry *dentry = w->dentry;
        if (!dentry)
                return 1;
        struct inode *inode = dentry->d_inode;
        if (inode) {
                GuardAnchorKey key = {
                        .cgroup = w->cgroup, .ino = inode->i_ino, .dev = dentry->d_sb->s_dev
                };
                GuardAnchor *a = bpf_map_lookup_elem(&anchors, &key);
                if (a && (!a->by_generation || a->generation == inode->i_generation)) {
                        w->flags |= a->flags & (GUARD_DENIED | GUARD_PROTECTED);
                        if (a->flags & GUARD_ROOT) {
                                if (i == 0)
                                        w->flags |= GUARD_PINNED;
                                w->node = a->node;
                                w->depth = i;
                                w->ended = 1;
                                return 1;
                        }
                }
        }
        struct dentry *parent = dentry->d_parent;
        if (parent == dentry) {
                w->ended = 1;
                return 1;
        }
        w->dentry = parent;
        return 0;
}

struct climb {
        struct dentry *dentry;
};

static long climb_one(__u32 i, struct climb *c) {
        struct dentry *dentry = c->dentry;
        if (!dentry)
                return 1;
        c->dentry = dentry->d_parent;
        return 0;
}

/* True where `Config` and `config` are one name. ext4 and f2fs say it of each directory, others of the file system. */
static __always_inline bool folds_case(struct dentry *directory) {
        struct inode *inode = directory->d_inode;
        if (inode && inode->i_flags & S_CASEFOLD)
                return 1;
        if (!(directory->d_flags & DCACHE_OP_COMPARE))
                return 0;
        return !bpf_core_field_exists(directory->d_sb->s_encoding) || !directory->d_sb->s_encoding;
}

/* Lower case; false for a name that such a file system may take for another in ways that are not followed here: letters
 * beyond ASCII, short names (GIT~1), trailing dots and blanks. */
static __always_inline bool fold(char *name, __u32 length) {
        char last = 0;
        for (__u32 i = 0; i < GUARD_NAME_MAX; i++) {
                if (i >= length)
                        break;
                char c = name[i];
                if (c < 0x20 || c > 0x7d)
                        return 0;
                if (c >= 'A' && c <= 'Z')
                        name[i] = (char)(c + ('a' - 'A'));
                last = c;
        }
        return last != '.' && last != ' ';
}

/* The flags and the node of a name below a node: flags in the upper half. 0: there is no rule about it. */
static __noinline __u64 find_name(struct dentry *dentry, __u64 cgroup, __u32 node) {
        GuardNameKey key;
        __builtin_memset(&key, 0, sizeof(key));
        if (!dentry)
                return (__u64)WRITING << 32;
        __u32 length = dentry->d_name.len;
        if (length > GUARD_NAME_MAX || bpf_probe_read_kernel(key.name, length, dentry->d_name.name) < 0)
                return (__u64)WRITING << 32;
        key.cgroup = cgroup;
        key.node = node;
        if (dentry->d_parent && folds_case(dentry->d_parent)) {
                if (!fold(key.name, length))
                        return (__u64)WRITING << 32;
                key.folded = 1;
        }
        GuardName *n = bpf_map_lookup_elem(&names, &key);
        return n ? (__u64)n->flags << 32 | n->node : 0;
}

struct descent {
        struct dentry *dentry;
        __u64 cgroup;
        __u32 node;
        __u32 depth; /* steps from the object up to where we are */
        __u32 flags;
};

static long step_down(__u32 i, struct descent *d) {
        d->depth--;
        struct climb c = { .dentry = d->dentry };
        bpf_loop(d->depth, climb_one, &c, 0);
        __u64 found = find_name(c.dentry, d->cgroup, d->node);
        d->flags |= found >> 32;
        d->node = (__u32)found;
        return d->node == 0;
}

/* From the root that was met down to the object again. Whoever is in the sandbox cannot move what lies on the way to a rule, so
 * for a name with a rule the way is the one that was walked up. */
static __noinline __u32 names_above(struct dentry *dentry, __u64 cgroup, __u32 node, __u32 depth) {
        struct descent d = { .dentry = dentry, .cgroup = cgroup, .node = node, .depth = depth };
        bpf_loop(depth, step_down, &d, 0);
        if (d.node != 0)
                d.flags |= GUARD_PINNED; /* the way ended here, and there are rules below */
        return d.flags;
}

/* 0, or -EACCES when the rules put one of the refused flags on it. */
static __noinline int judge(struct dentry *dentry, __u64 cgroup, __u32 refused) {
        if (!dentry)
                return 0;
        struct walk w = { .dentry = dentry, .cgroup = cgroup };
        bpf_loop(MAX_DEPTH, step_up, &w, 0);
        if (!w.ended)
                return -EACCES;
        if (w.node != 0)
                w.flags |= names_above(dentry, cgroup, w.node, w.depth);
        return w.flags & refused ? -EACCES : 0;
}

static __always_inline bool is_directory(struct dentry *dentry) {
        struct inode *inode = dentry->d_inode;
        return inode && (inode->i_mode & S_IFMT) == S_IFDIR;
}

/* What a change of this object's content or attributes may not meet. A directory on the way to a rule may be changed; what
 * is not a directory there leads elsewhere (a .git that says gitdir:) and may not. */
static __always_inline __u32 changing(struct dentry *dentry) {
        return is_directory(dentry) ? WRITING : REPLACING;
}

/* The shape of every program: an earlier refusal stands; outside sandboxes nothing happens; then the judgement. */
#define GUARDED(ret, dentry, refused)                                                                       \
        ({                                                                                                  \
                int r_ = (ret);                                                                             \
                __u64 cgroup_ = r_ == 0 ? current_sandbox() : 0;                                            \
                if (cgroup_ != 0)                                                                           \
                        r_ = judge((dentry), cgroup_, (refused));                                           \
                r_;                                                                                         \
        })

/* Reading */

SEC("lsm/file_open")
int BPF_PROG(guard_file_open, struct file *file, int ret) {
        return GUARDED(ret, file->f_path.dentry, file->f_mode & FMODE_WRITE ? REPLACING : READING);
}

SEC("lsm/inode_getattr")
int BPF_PROG(guard_getattr, const struct path *path, int ret) {
        return GUARDED(ret, path->dentry, READING);
}

SEC("lsm/inode_readlink")
int BPF_PROG(guard_readlink, struct dentry *dentry, int ret) {
        return GUARDED(ret, dentry, READING);
}

SEC("lsm/inode_follow_link")
int BPF_PROG(guard_follow_link, struct dentry *dentry, struct inode *inode, bool rcu, int ret) {
        return GUARDED(ret, dentry, READING);
}

SEC("lsm/inode_getxattr")
int BPF_PROG(guard_getxattr, struct dentry *dentry, const char *name, int ret) {
        return GUARDED(ret, dentry, READING);
}

SEC("lsm/inode_listxattr")
int BPF_PROG(guard_listxattr, struct dentry *dentry, int ret) {
        return GUARDED(ret, dentry, READING);
}

SEC("lsm/path_notify")
int BPF_PROG(guard_notify, const struct path *path, __u64 mask, unsigned int object_type, int ret) {
        return GUARDED(ret, path->dentry, READING);
}

/* A socket in the file system is used without being opened. */
static __always_inline int judge_socket(struct sock *sk, int ret) {
        __u64 cgroup = ret == 0 ? current_sandbox() : 0;
        if (cgroup == 0)
                return ret;
        if (!sk)
                return 0;
        struct unix_sock *u = bpf_skc_to_unix_sock(sk);
        return u ? judge(u->path.dentry, cgroup, READING) : 0;
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(guard_connect, struct sock *sock, struct sock *other, struct sock *made, int ret) {
        return judge_socket(other, ret);
}

SEC("lsm/unix_may_send")
int BPF_PROG(guard_send, struct socket *sock, struct socket *other, int ret) {
        return judge_socket(other->sk, ret);
}

/* Changing what is there */

/* Linux 6.3 put the idmap before it: the loader takes the one that has this kernel's arguments. */
SEC("?lsm/inode_setattr")
int BPF_PROG(guard_setattr_2, struct dentry *dentry, struct iattr *attr, int ret) {
        return GUARDED(ret, dentry, changing(dentry));
}

SEC("?lsm/inode_setattr")
int BPF_PROG(guard_setattr_3, void *idmap, struct dentry *dentry, struct iattr *attr, int ret) {
        return GUARDED(ret, dentry, changing(dentry));
}

SEC("lsm/inode_setxattr")
int BPF_PROG(guard_setxattr, void *idmap, struct dentry *dentry, const char *name, const void *value,
                unsigned long size, int flags, int ret) {
        return GUARDED(ret, dentry, changing(dentry));
}

SEC("lsm/inode_removexattr")
int BPF_PROG(guard_removexattr, void *idmap, struct dentry *dentry, const char *name, int ret) {
        return GUARDED(ret, dentry, changing(dentry));
}

/* Access control lists have hooks of their own since Linux 6.2; before, they were attributes like others. */
SEC("?lsm/inode_get_acl")
int BPF_PROG(guard_get_acl, void *idmap, struct dentry *dentry, const char *name, int ret) {
        return GUARDED(ret, dentry, READING);
}

SEC("?lsm/inode_set_acl")
int BPF_PROG(guard_set_acl, void *idmap, struct dentry *dentry, const char *name, void *acl, int ret) {
        return GUARDED(ret, dentry, changing(dentry));
}

SEC("?lsm/inode_remove_acl")
int BPF_PROG(guard_remove_acl, void *idmap, struct dentry *dentry, const char *name, int ret) {
        return GUARDED(ret, dentry, changing(dentry));
}

/* file_setattr(2), Linux 6.17 */
SEC("?lsm/inode_file_setattr")
int BPF_PROG(guard_file_setattr, struct dentry *dentry, void *fa, int ret) {
        return GUARDED(ret, dentry, REPLACING);
}

SEC("?lsm/inode_file_getattr")
int BPF_PROG(guard_file_getattr, struct dentry *dentry, void *fa, int ret) {
        return GUARDED(ret, dentry, READING);
}

/* File systems make, remove and change things by ioctl on a descriptor that is open for reading: flags ('f', 'X'; one of them
 * turns case folding on), generations ('v', and 'f' of ext4), subvolumes (0x94). Only what reads is let through. */
static __always_inline bool ioctl_changes(unsigned int command) {
        __u32 type = command >> 8 & 0xff, number = command & 0xff;
        switch (type) {
        case 'f': /* FS_IOC_GETFLAGS, EXT4_IOC_GETVERSION, FS_IOC_FIEMAP */
                return number != 1 && number != 3 && number != 11;
        case 'v': /* FS_IOC_GETVERSION */
                return number != 1;
        case 'X': /* FS_IOC_FSGETXATTR */
                return number != 31;
        case 0x94: /* FICLONE and FICLONERANGE want a descriptor open for writing */
                return number != 9 && number != 13;
        default:
                return 0;
        }
}

static __always_inline int judge_ioctl(struct file *file, unsigned int command, int ret) {
        if (ret != 0 || !ioctl_changes(command))
                return ret;
        return GUARDED(ret, file->f_path.dentry, REPLACING);
}

SEC("lsm/file_ioctl")
int BPF_PROG(guard_ioctl, struct file *file, unsigned int command, unsigned long argument, int ret) {
        return judge_ioctl(file, command, ret);
}

/* Linux 6.8 */
SEC("?lsm/file_ioctl_compat")
int BPF_PROG(guard_ioctl_compat, struct file *file, unsigned int command, unsigned long argument, int ret) {
        return judge_ioctl(file, command, ret);
}

/* Names. Only a directory may be made on the way to a rule: a symlink, or a file that says gitdir:, would lead around it. */

SEC("lsm/inode_mkdir")
int BPF_PROG(guard_mkdir, struct inode *directory, struct dentry *dentry, unsigned int mode, int ret) {
        return GUARDED(ret, dentry, WRITING);
}

SEC("lsm/inode_create")
int BPF_PROG(guard_create, struct inode *directory, struct dentry *dentry, unsigned int mode, int ret) {
        return GUARDED(ret, dentry, REPLACING);
}

SEC("lsm/inode_mknod")
int BPF_PROG(guard_mknod, struct inode *directory, struct dentry *dentry, unsigned int mode,
                unsigned int device, int ret) {
        return GUARDED(ret, dentry, REPLACING);
}

SEC("lsm/inode_symlink")
int BPF_PROG(guard_symlink, struct inode *directory, struct dentry *dentry, const char *target, int ret) {
        return GUARDED(ret, dentry, REPLACING);
}

SEC("lsm/inode_unlink")
int BPF_PROG(guard_unlink, struct inode *directory, struct dentry *dentry, int ret) {
        return GUARDED(ret, dentry, REPLACING);
}

SEC("lsm/inode_rmdir")
int BPF_PROG(guard_rmdir, struct inode *directory, struct dentry *dentry, int ret) {
        return GUARDED(ret, dentry, REPLACING);
}

static __always_inline int judge_two(struct dentry *old, __u32 refuse_old, struct dentry *new, int ret) {
        __u64 cgroup = ret == 0 ? current_sandbox() : 0;
        if (cgroup == 0)
                return ret;
        ret = judge(old, cgroup, refuse_old);
        return ret == 0 ? judge(new, cgroup, REPLACING) : ret;
}

/* A hard link is another name for what may not be read, or may be changed there. */
SEC("lsm/inode_link")
int BPF_PROG(guard_link, struct dentry *old, struct inode *directory, struct dentry *new, int ret) {
        return judge_two(old, WRITING, new, ret);
}

SEC("lsm/inode_rename")
int BPF_PROG(guard_rename, struct inode *old_directory, struct dentry *old, struct inode *new_directory,
                struct dentry *new, int ret) {
        return judge_two(old, REPLACING, new, ret);
}

/* Not a rule: how mxc-launch learns what the kernel calls an object. */
SEC("lsm/sb_statfs")
int BPF_PROG(guard_identify, struct dentry *dentry, int ret) {
        __u64 leaf = bpf_get_current_cgroup_id();
        GuardIdentity *answer = ret == 0 ? bpf_map_lookup_elem(&identities, &leaf) : 0;
        if (!answer)
                return ret;
        struct inode *inode = dentry->d_inode;
        if (!inode)
                return -EACCES;
        struct super_block *sb = dentry->d_sb;
        answer->ino = inode->i_ino;
        answer->dev = sb->s_dev;
        answer->generation = inode->i_generation;
        answer->mode = inode->i_mode;
        answer->may_fold = !!(dentry->d_flags & DCACHE_OP_COMPARE);
        if (bpf_core_field_exists(sb->s_encoding) && sb->s_encoding)
                answer->may_fold = 1;
        answer->seen = 1;
        return -GUARD_ANSWERED;
}
