/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* D-Bus messages, written and read: as much of the specification's marshalling as `mxcctl run` needs. Why not libsystemd: loading it and
 * opening a connection with it takes 1.3 of the 4.8 ms that a whole run may take. Everything else of mxcctl uses sd-bus.
 *
 * Pure. Numbers are in this machine's order, both ways: who speaks to us is on this machine. Errors stick: write or read a
 * whole message, then look at error once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_HEADER_MIN 16U                   /* bytes that tell how long a message is */
#define WIRE_MESSAGE_MAX (16U * 1024 * 1024)  /* the specification allows 128 MiB; nothing of ours comes near */
#define WIRE_FDS_MAX 16U

typedef enum WireType { WIRE_CALL = 1, WIRE_RETURN, WIRE_ERROR, WIRE_SIGNAL } WireType;

#define WIRE_NO_REPLY 1U     /* flags of a call */
#define WIRE_NO_AUTO_START 2U
#define WIRE_INTERACTIVE 4U  /* polkit may ask the user */

typedef struct WireCall {
        uint32_t serial;         /* not 0 */
        uint8_t flags;
        const char *destination; /* NULL at the second door */
        const char *path, *interface, *member;
        const char *signature;   /* "" for no arguments */
        uint32_t n_fds;          /* how many wire_fd() will follow */
} WireCall;

typedef struct WireWriter {
        uint8_t *data;
        size_t size, allocated;
        size_t body;             /* where it begins */
        int fds[WIRE_FDS_MAX];   /* borrowed */
        size_t n_fds;
        int error;               /* -ENOMEM; -EILSEQ: text that is not UTF-8; -E2BIG */
} WireWriter;

typedef struct WireArray {
        size_t length_at, begin;
} WireArray;

void wire_begin(WireWriter *w, const WireCall *call);
void wire_bool(WireWriter *w, bool v);
void wire_u32(WireWriter *w, uint32_t v);
void wire_u64(WireWriter *w, uint64_t v);
void wire_string(WireWriter *w, const char *s);   /* s and o */
void wire_strings(WireWriter *w, const char *const *list); /* as; NULL-terminated, or NULL for none */
void wire_fd(WireWriter *w, int fd);              /* h; not taken over */
WireArray wire_array(WireWriter *w, size_t alignment); /* of its elements: 8 for structs and dictionary entries */
void wire_array_end(WireWriter *w, WireArray a);
void wire_struct(WireWriter *w);                  /* begins one: its members follow */
/* Begins {sv}: the value, of that signature, follows. */
void wire_entry(WireWriter *w, const char *key, const char *signature);
/* One {ss}; the key is the first n bytes. */
void wire_pair(WireWriter *w, const char *key, size_t n, const char *value);
/* The message is whole: 0, or the error. */
int wire_end(WireWriter *w);
void wire_clear(WireWriter *w);

typedef struct WireReader {
        const uint8_t *data;
        size_t size, at;
        bool failed;             /* then every read gives 0 or "" */
} WireReader;

typedef struct WireMessage {
        WireType type;
        uint32_t serial, reply_serial, n_fds;
        const char *path, *interface, *member, *error, *sender, *signature; /* "" where absent; all in the message's bytes */
        WireReader body;
} WireMessage;

/* From the first WIRE_HEADER_MIN bytes: the length of the whole. -EBADMSG. */
int wire_length(const uint8_t *data, size_t *ret);
/* -EBADMSG. data stays in use. */
int wire_parse(const uint8_t *data, size_t size, WireMessage *ret);

uint32_t wire_read_u32(WireReader *r);
bool wire_read_bool(WireReader *r);
const char *wire_read_string(WireReader *r);
const char *wire_read_signature(WireReader *r);
/* Where the array ends; go on while r->at is less and nothing failed. */
size_t wire_read_array(WireReader *r, size_t alignment);
bool wire_more(const WireReader *r, size_t end);
void wire_align(WireReader *r, size_t alignment);
/* Steps over one value of the first type of *signature, which moves on. */
void wire_skip(WireReader *r, const char **signature);
