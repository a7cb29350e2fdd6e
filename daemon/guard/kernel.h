/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The few kernel types that the guard reads, by name only: preserve_access_index has the loader look up each field's place in the
 * running kernel, so neither sizes nor order here mean anything, and the build needs no kernel of the build host. */

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

enum { BPF_MAP_TYPE_HASH = 1 };
enum { BPF_F_NO_PREALLOC = 1 };
enum { BPF_EXIST = 2 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct unicode_map;

struct super_block {
        __u32 s_dev;
        struct unicode_map *s_encoding; /* CONFIG_UNICODE */
};

struct inode {
        __u16 i_mode;
        __u32 i_flags;
        unsigned long i_ino;
        __u32 i_generation;
        struct super_block *i_sb;
};

struct qstr {
        __u32 len;
        const unsigned char *name;
};

struct dentry {
        __u32 d_flags;
        struct dentry *d_parent;
        struct qstr d_name;
        struct inode *d_inode;
        struct super_block *d_sb;
};

struct vfsmount;

struct path {
        struct vfsmount *mnt;
        struct dentry *dentry;
};

struct file {
        __u32 f_mode;
        struct path f_path;
};

struct sock;

struct socket {
        struct sock *sk;
};

struct unix_sock {
        struct path path;
};

struct iattr {
        __u32 ia_valid;
};

#pragma clang attribute pop

/* include/linux/fs.h, include/linux/dcache.h: the same since 3.x */
#define FMODE_WRITE 0x2U
#define S_CASEFOLD (1U << 15)
#define DCACHE_OP_COMPARE 0x2U
#define S_IFMT 0170000
#define S_IFDIR 0040000

#define EACCES 13
