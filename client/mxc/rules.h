/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a configuration must be beyond its shape: texts that are paths, addresses and URLs, fields that exclude each other. In the order and the words of
 * MXC's parser. Each gives 0, -EINVAL with *error filled, or -ENOMEM. */

#include "mxc-config.h"
#include "tree.h"

int rules_check_phase(const Tree *root, const MxcConfig *c, MxcError *error);
int rules_check_process(const MxcConfig *c, MxcError *error);
int rules_check_sections(const Tree *root, const MxcConfig *c, MxcError *error);
/* Of the two models of a network, the directional one is new. */
int rules_check_gate(const MxcConfig *c, bool new, MxcError *error);
int rules_check_mix(bool old, bool new, MxcError *error);
int rules_take_paths(const Tree *list, MxcStrings *ret, MxcError *error);
int rules_check_lists(const char *which, size_t index, bool no_to, bool no_ports, MxcError *error);
int rules_check_peer(const char *which, size_t rule, size_t index, const MxcPeer *peer, MxcError *error);
int rules_check_port(const char *which, size_t rule, size_t index, MxcProtocol protocol, long port, long end, MxcError *error); /* -1: not said */
int rules_take_proxy(const Tree *localhost, const Tree *url, const Tree *test_server, MxcProxy *ret, MxcError *error);
int rules_take_runtime_proxy(const Tree *url, MxcNetwork *n, MxcError *error);
/* All that is left, once everything is read. */
int rules_check_all(MxcConfig *c, MxcError *error);
