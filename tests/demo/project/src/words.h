/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

unsigned words_count(const char *text);
