/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The channel between mxcd and the mxc-egress of one sandbox: a SOCK_SEQPACKET pair that is made with the sandbox, before there is a relay, so
 * nothing is lost where one of the two is not there yet, or again. The relay reports, mxcd records; what is allowed waits for the
 * answer that it is on record. Both messages are of fixed size; anything of another size, magic or range ends the relay, and is dropped
 * with a warning by mxcd: the relay is the one that reads hostile bytes, and may be theirs.
 *
 * mxcd believes the relay about its own sandbox's connections, and nothing else: names of the agent, the policy and the owner in the
 * record are mxcd's. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

#define EGRESS_MAGIC 0x6772786dU
#define EGRESS_VERSION 2U
#define EGRESS_CLAUSE_BYTES 255U
#define EGRESS_SPENT_STEPS 256U /* of a limit, at most: what a relay that dies takes along is one of them */

typedef enum EgressKind {
        EGRESS_HELLO = 1,  /* the relay serves */
        EGRESS_RESOLVE,    /* a name was asked for; only refusals are told */
        EGRESS_CONNECT,    /* a connection, before anything is dialled */
        EGRESS_FAIL,       /* an allowed one could not be made, or was ended by the relay: reason or error say why */
        EGRESS_CLOSE,      /* it is over: bytes, usec */
        EGRESS_LEASED,     /* serial: of the EGRESS_LEASE that it goes by from now on; what that forbids has been told to be over. Bytes as of SPENT */
        EGRESS_ACCEPT,     /* somebody outside connects to a published port, before anybody inside is asked */
        EGRESS_SPENT,      /* bytes_out, bytes_in: what it will not have gone beyond before it says so again, where that is bounded */
        EGRESS_LOOKED,     /* serial: of the EGRESS_LOOK whose file is written */
        _EGRESS_KIND_MAX,
} EgressKind;

/* Why; words by egress_reason_to_string(). */
typedef enum EgressReason {
        EGRESS_BY_RULE,         /* an allow or deny rule: the clause */
        EGRESS_BY_DEFAULT,      /* no rule */
        EGRESS_NO_NAME,         /* of an address: it stands for no name that was asked for, and no rule names it */
        EGRESS_SPECIAL,         /* of an address: private, local, of the host, …, and no rule names it by address */
        EGRESS_BAD_NAME,        /* what was asked for is not a host name */
        EGRESS_SNI,             /* TLS: no server name, or not one that the address was asked under */
        EGRESS_HOST,            /* HTTP: the same of Host */
        EGRESS_PROTOCOL,        /* TLS or HTTP that cannot be read */
        EGRESS_LIMIT_CONNECTIONS,
        EGRESS_LIMIT_RATE,
        EGRESS_LIMIT_BYTES_OUT,
        EGRESS_LIMIT_BYTES_IN,
        EGRESS_UNREACHABLE,     /* of FAIL: error says why */
        EGRESS_REVOKED,         /* a new lease does not allow it any more */
        EGRESS_HOST_LOOPBACK,   /* of an address that stands for the host's loopback: hostLoopback does not allow it */
        EGRESS_NOT_OWNER,       /* of ACCEPT: for the owner's processes, and it is none */
        EGRESS_FROM_SANDBOX,    /* of ACCEPT: the relay of a sandbox */
        EGRESS_UNKNOWN_PEER,    /* of ACCEPT: of this host, and the kernel does not say whose it is */
        EGRESS_OPAQUE,          /* as BY_RULE, and the rule says "tls": "opaque": nothing that is said is looked at */
        EGRESS_ECH,             /* TLS: a server name that is encrypted, which the rule refuses */
        EGRESS_UPSTREAM_UNREACHABLE, /* of FAIL, as all the next: the host's proxy is not there, or does not answer: error */
        EGRESS_UPSTREAM_REFUSED,     /* it does not want to: status */
        EGRESS_UPSTREAM_LOGIN,       /* it wants to know who asks, or other credentials */
        EGRESS_UPSTREAM_ANSWER,      /* its answer is none */
        EGRESS_NO_ADDRESS,      /* the address stands for a name that has none ("dns": "synthetic") */
        EGRESS_LIMIT_NAMES,     /* of a name: there is no synthetic address left for it */
        _EGRESS_REASON_MAX,
} EgressReason;
const char *egress_reason_to_string(EgressReason r); /* NULL outside the enum */

#define EGRESS_UID_UNKNOWN UINT32_MAX

typedef struct EgressReport {
        uint32_t magic, version, kind;
        uint32_t verdict;       /* Verdict; of HELLO, CLOSE, FAIL, LEASED, SPENT and LOOKED: allow */
        uint32_t reason;
        uint32_t awaits;        /* 1: an EgressOrder RECORDED with this serial is waited for */
        uint64_t serial;        /* of the connection, from 1, the lease, or the look; 0 where there is none */
        uint32_t protocol;      /* one Protocol bit; 0, of a refused CONNECT: of many, and it is not known what they were */
        uint32_t port;
        uint32_t family;        /* AF_INET, AF_INET6; 0: no address */
        int32_t error;          /* positive errno, or 0 */
        uint8_t address[16];
        uint32_t published;     /* the host's port that somebody came to: address and port are then theirs; 0: it goes out */
        uint32_t uid;           /* whose process that is; EGRESS_UID_UNKNOWN */
        uint32_t upstream;      /* 1: by the host's proxy, which finds the address itself; address is what was dialled inside, if any */
        uint32_t status;        /* that the proxy answered, or 0 */
        uint32_t pid;           /* whose call the kernel refused, by itself; 0: nobody's, or that of several */
        char program[20];       /* what that process calls itself: any bytes */
        uint64_t bytes_out, bytes_in, usec;
        uint64_t count;         /* how many alike it stands for, at least 1 */
        char host[LIMIT_HOST_BYTES + 3]; /* "" where none is known; what is no host name is not told */
        char clause[EGRESS_CLAUSE_BYTES + 1];
} EgressReport;

typedef enum EgressOrderKind {
        EGRESS_RECORDED = 1,    /* serial: verdict says whether it is on record; what is not may not be done */
        EGRESS_LEASE,           /* with the memfd of a new lease, and its number as serial: connections that it does not allow end */
        EGRESS_LOOK,            /* with a file, and its number as serial: what is open is to be written there */
        _EGRESS_ORDER_MAX,
} EgressOrderKind;

typedef struct EgressOrder {
        uint32_t magic, version, kind, verdict;
        uint64_t serial;
} EgressOrder;

/* What is open, for whoever looks, is as much as many messages: it is written into a memfd of mxcd's, one EgressReport after the other, each as
 * it was told at first (CONNECT or ACCEPT; awaits 1: mxcd's answer to that has not come yet), with the bytes and the time until now. The
 * file is as large as the most of them and cannot grow; a magic of 0 is the end. Its memory is the relay's, who writes it. */
#define EGRESS_LOOK_MAX 1024U
#define EGRESS_LOOK_BYTES (EGRESS_LOOK_MAX * sizeof(EgressReport))
int egress_look_new(int *ret_fd);
/* The i-th. 1, 0 at the end, -EBADMSG for one that is none of these, or another negative errno. */
int egress_look_read(int fd, size_t i, EgressReport *ret);

/* 0, -EAGAIN where the socket is full, or another negative errno. magic and version are filled in. fd: -EBADF, or what goes along. */
int egress_send_report(int socket, EgressReport *report);
int egress_send_order(int socket, EgressOrder *order, int fd);
/* 1 for a message, 0 at the end of the stream, -EAGAIN, -EBADMSG for one that is not of this protocol; strings end in a NUL. *ret_fd is -EBADF
 * or the caller's to close. */
int egress_receive_report(int socket, EgressReport *ret);
int egress_receive_order(int socket, EgressOrder *ret, int *ret_fd);
