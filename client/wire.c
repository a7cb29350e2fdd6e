/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire.h"

#include <endian.h>

#include "cleanup.h"
#include "escape.h"

#define WIRE_VERSION 1
#define WIRE_ENDIAN (__BYTE_ORDER == __LITTLE_ENDIAN ? 'l' : 'B')
#define WIRE_DEPTH_MAX 32U

enum { /* fields of the header */
        FIELD_PATH = 1,
        FIELD_INTERFACE,
        FIELD_MEMBER,
        FIELD_ERROR,
        FIELD_REPLY_SERIAL,
        FIELD_DESTINATION,
        FIELD_SENDER,
        FIELD_SIGNATURE,
        FIELD_FDS
};

static uint8_t *extend(WireWriter *w, size_t n) {
        if (w->error < 0)
                return NULL;
        if (n > WIRE_MESSAGE_MAX - w->size) {
                w->error = -E2BIG;
                return NULL;
        }
        if (w->size + n > w->allocated) {
                size_t allocated = w->allocated ? w->allocated : 1024;
                while (allocated < w->size + n)
                        allocated *= 2;
                uint8_t *data = realloc(w->data, allocated);
                if (!data) {
                        w->error = -ENOMEM;
                        return NULL;
                }
                w->data = data;
                w->allocated = allocated;
        }
        uint8_t *p = w->data + w->size;
        w->size += n;
        return p;
}

static void put(WireWriter *w, const void *data, size_t n) {
        uint8_t *p = extend(w, n);
        if (p)
                memcpy(p, data, n);
}

static void pad(WireWriter *w, size_t alignment) {
        size_t n = -w->size & (alignment - 1);
        uint8_t *p = extend(w, n);
        if (p)
                memset(p, 0, n);
}

static void put_byte(WireWriter *w, uint8_t v) {
        put(w, &v, 1);
}

void wire_u32(WireWriter *w, uint32_t v) {
        pad(w, 4);
        put(w, &v, 4);
}

void wire_u64(WireWriter *w, uint64_t v) {
        pad(w, 8);
        put(w, &v, 8);
}

void wire_bool(WireWriter *w, bool v) {
        wire_u32(w, v);
}

static void put_string(WireWriter *w, const char *s, size_t n) {
        for (size_t i = 0; w->error >= 0 && i < n;) {
                uint32_t c;
                i += utf8_next(s + i, n - i, &c);
                if (c == UINT32_MAX)
                        w->error = -EILSEQ;
        }
        wire_u32(w, (uint32_t)n);
        put(w, s, n);
        put_byte(w, 0);
}

void wire_string(WireWriter *w, const char *s) {
        put_string(w, s, strlen(s));
}

static void put_signature(WireWriter *w, const char *s) {
        put_byte(w, (uint8_t)strlen(s));
        put(w, s, strlen(s) + 1);
}

void wire_fd(WireWriter *w, int fd) {
        if (w->n_fds == WIRE_FDS_MAX) {
                w->error = -E2BIG;
                return;
        }
        wire_u32(w, (uint32_t)w->n_fds);
        w->fds[w->n_fds++] = fd;
}

WireArray wire_array(WireWriter *w, size_t alignment) {
        wire_u32(w, 0);
        size_t length_at = w->size - 4;
        pad(w, alignment); /* not counted in the length */
        return (WireArray){ .length_at = length_at, .begin = w->size };
}

void wire_array_end(WireWriter *w, WireArray a) {
        uint32_t length = (uint32_t)(w->size - a.begin);
        if (w->error >= 0)
                memcpy(w->data + a.length_at, &length, 4);
}

void wire_strings(WireWriter *w, const char *const *list) {
        WireArray a = wire_array(w, 4);
        for (; list && *list; list++)
                wire_string(w, *list);
        wire_array_end(w, a);
}

void wire_entry(WireWriter *w, const char *key, const char *signature) {
        pad(w, 8);
        wire_string(w, key);
        put_signature(w, signature);
}

void wire_struct(WireWriter *w) {
        pad(w, 8);
}

void wire_pair(WireWriter *w, const char *key, size_t n, const char *value) {
        pad(w, 8);
        put_string(w, key, n);
        wire_string(w, value);
}

static void put_field(WireWriter *w, uint8_t field, const char *type, const char *value) {
        if (!value)
                return;
        pad(w, 8);
        put_byte(w, field);
        put_signature(w, type);
        if (*type == 'g')
                put_signature(w, value);
        else
                wire_string(w, value);
}

void wire_begin(WireWriter *w, const WireCall *call) {
        *w = (WireWriter){ 0 };
        const uint8_t start[4] = { WIRE_ENDIAN, WIRE_CALL, call->flags, WIRE_VERSION };
        put(w, start, sizeof start);
        wire_u32(w, 0); /* length of the body */
        wire_u32(w, call->serial);
        WireArray fields = wire_array(w, 8);
        put_field(w, FIELD_PATH, "o", call->path);
        put_field(w, FIELD_INTERFACE, "s", call->interface);
        put_field(w, FIELD_MEMBER, "s", call->member);
        put_field(w, FIELD_DESTINATION, "s", call->destination);
        put_field(w, FIELD_SIGNATURE, "g", *call->signature ? call->signature : NULL);
        if (call->n_fds > 0) {
                pad(w, 8);
                put_byte(w, FIELD_FDS);
                put_signature(w, "u");
                wire_u32(w, call->n_fds);
        }
        wire_array_end(w, fields);
        pad(w, 8);
        w->body = w->size;
}

int wire_end(WireWriter *w) {
        if (w->error < 0)
                return w->error;
        uint32_t length = (uint32_t)(w->size - w->body);
        memcpy(w->data + 4, &length, 4);
        return 0;
}

void wire_clear(WireWriter *w) {
        free(w->data);
        *w = (WireWriter){ 0 };
}

static uint32_t peek_u32(const uint8_t *p) {
        uint32_t v;
        memcpy(&v, p, 4);
        return v;
}

int wire_length(const uint8_t *data, size_t *ret) {
        uint32_t body = peek_u32(data + 4), fields = peek_u32(data + 12);
        if (data[0] != WIRE_ENDIAN || data[1] < WIRE_CALL || data[3] != WIRE_VERSION ||
                        body > WIRE_MESSAGE_MAX || fields > WIRE_MESSAGE_MAX)
                return -EBADMSG;
        size_t size = WIRE_HEADER_MIN + ((fields + 7U) & ~(size_t)7) + body;
        if (size > WIRE_MESSAGE_MAX)
                return -EBADMSG;
        *ret = size;
        return 0;
}

/* NULL, and failed, where there are not so many bytes left. */
static const uint8_t *take(WireReader *r, size_t n) {
        if (r->failed || n > r->size - r->at) {
                r->failed = true;
                return NULL;
        }
        const uint8_t *p = r->data + r->at;
        r->at += n;
        return p;
}

void wire_align(WireReader *r, size_t alignment) {
        (void)take(r, -r->at & (alignment - 1));
}

uint32_t wire_read_u32(WireReader *r) {
        wire_align(r, 4);
        const uint8_t *p = take(r, 4);
        return p ? peek_u32(p) : 0;
}

bool wire_read_bool(WireReader *r) {
        return wire_read_u32(r) != 0;
}

static const char *read_text(WireReader *r, size_t length) {
        const uint8_t *p = take(r, length + 1);
        if (!p)
                return "";
        if (memchr(p, 0, length + 1) != p + length) {
                r->failed = true;
                return "";
        }
        return (const char *)p;
}

const char *wire_read_string(WireReader *r) {
        return read_text(r, wire_read_u32(r));
}

const char *wire_read_signature(WireReader *r) {
        const uint8_t *p = take(r, 1);
        return p ? read_text(r, *p) : "";
}

size_t wire_read_array(WireReader *r, size_t alignment) {
        uint32_t length = wire_read_u32(r);
        wire_align(r, alignment);
        if (r->failed || length > r->size - r->at) {
                r->failed = true;
                return r->at;
        }
        return r->at + length;
}

bool wire_more(const WireReader *r, size_t end) {
        return !r->failed && r->at < end;
}

static size_t alignment_of(char type) {
        switch (type) {
        case 'n':
        case 'q':
                return 2;
        case 'b':
        case 'i':
        case 'u':
        case 'h':
        case 's':
        case 'o':
        case 'a':
                return 4;
        case 'x':
        case 't':
        case 'd':
        case '(':
        case '{':
                return 8;
        default:
                return 1;
        }
}

static void skip(WireReader *r, const char **signature, unsigned depth);

static void skip_array(WireReader *r, const char **signature, unsigned depth) {
        const char *element = *signature;
        size_t end = wire_read_array(r, alignment_of(*element));
        bool once = false;
        while (wire_more(r, end)) {
                size_t before = r->at;
                *signature = element;
                skip(r, signature, depth);
                once = true;
                if (r->at <= before)
                        r->failed = true; /* an element without a size: for ever */
        }
        if (r->at > end)
                r->failed = true;
        if (!once) { /* step over the type of the elements that are not there */
                static const uint8_t nothing[8] = { 0 };
                WireReader blank = { .data = nothing, .size = 0 };
                skip(&blank, signature, depth);
        }
}

static void skip_members(WireReader *r, const char **signature, char close, unsigned depth) {
        wire_align(r, 8);
        while (**signature && **signature != close)
                skip(r, signature, depth);
        if (**signature)
                (*signature)++;
        else
                r->failed = true;
}

static void skip_variant(WireReader *r, unsigned depth) {
        const char *inner = wire_read_signature(r);
        if (!*inner)
                r->failed = true;
        else
                skip(r, &inner, depth);
}

static void skip(WireReader *r, const char **signature, unsigned depth) {
        if (depth == 0 || !**signature) {
                r->failed = true;
                *signature += strlen(*signature); /* whoever loops over it comes to its end */
                return;
        }
        char type = *(*signature)++;
        switch (type) {
        case 'y':
                (void)take(r, 1);
                break;
        case 's':
        case 'o':
                (void)wire_read_string(r);
                break;
        case 'g':
                (void)wire_read_signature(r);
                break;
        case 'a':
                skip_array(r, signature, depth - 1);
                break;
        case 'v':
                skip_variant(r, depth - 1);
                break;
        case '(':
        case '{':
                skip_members(r, signature, type == '(' ? ')' : '}', depth - 1);
                break;
        default:
                if (alignment_of(type) == 1) { /* no type of this name */
                        r->failed = true;
                        break;
                }
                wire_align(r, alignment_of(type));
                (void)take(r, alignment_of(type));
        }
}

void wire_skip(WireReader *r, const char **signature) {
        skip(r, signature, WIRE_DEPTH_MAX);
}

static void read_field(WireReader *r, WireMessage *m) {
        wire_align(r, 8);
        const uint8_t *p = take(r, 1);
        uint8_t field = p ? *p : 0;
        const char *signature = wire_read_signature(r);
        static const char types[] = { [FIELD_PATH] = 'o',
                [FIELD_INTERFACE] = 's',
                [FIELD_MEMBER] = 's',
                [FIELD_ERROR] = 's',
                [FIELD_REPLY_SERIAL] = 'u',
                [FIELD_DESTINATION] = 's',
                [FIELD_SENDER] = 's',
                [FIELD_SIGNATURE] = 'g',
                [FIELD_FDS] = 'u' };
        const char **texts[] = { [FIELD_PATH] = &m->path,
                [FIELD_INTERFACE] = &m->interface,
                [FIELD_MEMBER] = &m->member,
                [FIELD_ERROR] = &m->error,
                [FIELD_SENDER] = &m->sender,
                [FIELD_SIGNATURE] = &m->signature,
                [FIELD_FDS] = NULL };

        if (field == 0 ||
                        field >= sizeof types) { /* unknown ones are to be ignored, says the specification */
                wire_skip(r, &signature);
                return;
        }
        if (signature[0] != types[field] || signature[1]) {
                r->failed = true;
                return;
        }
        if (types[field] == 'u')
                *(field == FIELD_FDS ? &m->n_fds : &m->reply_serial) = wire_read_u32(r);
        else {
                const char *text = types[field] == 'g' ? wire_read_signature(r) : wire_read_string(r);
                if (texts[field])
                        *texts[field] = text;
        }
}

int wire_parse(const uint8_t *data, size_t size, WireMessage *ret) {
        size_t whole;
        if (size < WIRE_HEADER_MIN || wire_length(data, &whole) < 0 || whole != size)
                return -EBADMSG;
        WireMessage m = { .type = data[1],
                .serial = peek_u32(data + 8),
                .path = "",
                .interface = "",
                .member = "",
                .error = "",
                .sender = "",
                .signature = "" };
        uint32_t body = peek_u32(data + 4);
        WireReader header = { .data = data, .size = size - body, .at = 12 };
        size_t end = wire_read_array(&header, 8);
        while (wire_more(&header, end))
                read_field(&header, &m);
        if (header.failed || header.at != end || m.n_fds > WIRE_FDS_MAX)
                return -EBADMSG;
        m.body = (WireReader){ .data = data + (size - body), .size = body };
        *ret = m;
        return 0;
}
