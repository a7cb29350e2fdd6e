/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-internal.h"

/* network.ingress.publish, and the algebra of it. */

int publish_append(const Policy *origin, const NetPublish *list, size_t n, NetPublish **ret, size_t *ret_n) {
        for (size_t i = 0; i < n; i++) {
                NetPublish *copy = array_append(ret, ret_n, sizeof(NetPublish));
                if (!copy)
                        return -ENOMEM;
                *copy = list[i];
                copy->clause = clause_in(origin, list[i].clause);
                if (!copy->clause)
                        return -ENOMEM;
        }
        return 0;
}

/* Takes the clause. What another covers is left out: nothing is published twice because two entries of a bound overlap. */
static int add(Policy *m, NetPublish *entry) {
        size_t kept = 0;
        if (net_publish_find(m->publish, m->n_publish, entry)) {
                free(entry->clause);
                return 0;
        }
        for (size_t i = 0; i < m->n_publish; i++)
                if (net_publish_covers(entry, &m->publish[i]))
                        free(m->publish[i].clause);
                else
                        m->publish[kept++] = m->publish[i];
        m->n_publish = kept;
        NetPublish *slot = kept < LIMIT_POLICY_PUBLISH
                                           ? array_append(&m->publish, &m->n_publish, sizeof(NetPublish))
                                           : NULL;
        if (!slot) {
                free(entry->clause);
                return kept < LIMIT_POLICY_PUBLISH ? -ENOMEM : -E2BIG;
        }
        *slot = *entry;
        return 0;
}

int publish_meet(const Policy *a, const Policy *b, Policy *m) {
        for (size_t i = 0; i < a->n_publish; i++)
                for (size_t j = 0; j < b->n_publish; j++) {
                        const NetPublish *pa = &a->publish[i], *pb = &b->publish[j];
                        NetPublish both;
                        if (!net_publish_meet(pa, pb, &both))
                                continue;
                        both.clause = net_publish_covers(pa, pb) ? clause_in(b, pb->clause)
                                                                 : clause_in(a, pa->clause);
                        int r = both.clause ? add(m, &both) : -ENOMEM;
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* One entry of b for each of a: a union is not looked through. */
const NetPublish *publish_beyond(const Policy *a, const Policy *b, size_t *i) {
        while (*i < a->n_publish) {
                const NetPublish *entry = &a->publish[(*i)++];
                if (!net_publish_find(b->publish, b->n_publish, entry))
                        return entry;
        }
        return NULL;
}

/* ---- reading ---- */

typedef struct PublishParse {
        NetCidr address;
        uint64_t port, end_port, host_port, end_host_port; /* 0: not said */
        int clients;
} PublishParse;

static int publish_address(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return read_cidr(source, place, value, &((PublishParse *)userdata)->address);
}

static int publish_clients(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_read_word(source, place, value, publish_clients_words, _PUBLISH_CLIENTS_MAX,
                        &((PublishParse *)userdata)->clients);
}

/* Datagrams: whose process sent one is not known, since by the time that somebody could look, the socket may be another's. */
static int publish_protocol(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const char *const words[] = { "tcp", "udp" };
        int word, r = json_read_word(source, place, value, words, ELEMENTSOF(words), &word);
        return r == 0 && word == 1 ? json_refuse(source, place,
                                                     "datagrams are not published: who sends one cannot be "
                                                     "known; only \"tcp\" is")
                                   : r;
}

static int publish_port(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_read_integer(source, place, value, 1, UINT16_MAX, &((PublishParse *)userdata)->port);
}

static int publish_end_port(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_read_integer(source, place, value, 1, UINT16_MAX, &((PublishParse *)userdata)->end_port);
}

static int publish_host_port(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_read_integer(source, place, value, PUBLISH_PORT_MIN, UINT16_MAX,
                        &((PublishParse *)userdata)->host_port);
}

static int publish_end_host_port(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_read_integer(source, place, value, PUBLISH_PORT_MIN, UINT16_MAX,
                        &((PublishParse *)userdata)->end_host_port);
}

static int check_publish(const JsonSource *source, const JsonPlace *place, const PublishParse *p) {
        if (p->port == 0)
                return json_refuse(source, place, "must have a \"port\", of the sandbox");
        if (p->end_port > 0 && p->end_port < p->port)
                return json_refuse(source, place, "\"endPort\" must not be below \"port\"");
        if (p->end_host_port > 0 && p->host_port == 0)
                return json_refuse(source, place, "\"endHostPort\" needs \"hostPort\"");
        if (p->end_host_port > 0 && p->end_host_port < p->host_port)
                return json_refuse(source, place, "\"endHostPort\" must not be below \"hostPort\"");
        if (p->host_port == 0 && p->port < PUBLISH_PORT_MIN)
                return json_refuse(source, place,
                                "must have a \"hostPort\", from %u on: the host's port %u is not "
                                "everybody's",
                                PUBLISH_PORT_MIN, (unsigned)p->port);
        return 0;
}

static PortRange range_of(uint64_t from, uint64_t to) {
        return (PortRange){ (uint16_t)from, (uint16_t)(to > 0 ? to : from) };
}

static int add_publish(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "address", publish_address }, { "clients", publish_clients },
                { "protocol", publish_protocol }, { "port", publish_port }, { "endPort", publish_end_port },
                { "hostPort", publish_host_port }, { "endHostPort", publish_end_host_port } };
        Policy *policy = userdata;
        PublishParse p = { .address = { .family = AF_INET, .address = { 127, 0, 0, 1 }, .prefix = 32 } };
        int r = json_apply_object(source, place, value, keys, ELEMENTSOF(keys), &p);
        if (r == 0)
                r = check_publish(source, place, &p);
        if (r < 0)
                return r;
        NetPublish *entry = array_append(&policy->publish, &policy->n_publish, sizeof(NetPublish));
        if (!entry)
                return -ENOMEM;
        *entry = (NetPublish){ .address = p.address,
                .sandbox = range_of(p.port, p.end_port),
                .clients = (PublishClients)p.clients,
                .clause = json_place_pointer(place) };
        entry->host = p.host_port > 0 ? range_of(p.host_port, p.end_host_port) : entry->sandbox;
        return entry->clause ? 0 : -ENOMEM;
}

int parse_publish(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_apply_list(source, place, value, LIMIT_POLICY_PUBLISH, add_publish, userdata);
}
