/* SPDX-License-Identifier: MIT */
/*
 * kmip_sh.c - policyd's KMIP client by hand, through a sluice-egressd:
 *
 *   kmip_sh EGRESS-SOCKET DIR SERVERS TIMEOUT-MS, then lines on standard input:
 *   check | create NAME | get ID | destroy ID
 *
 * DIR has ca.pem, client.pem and client.key (another name: KMIP_CLIENT). SERVERS are separated by
 * commas. Each line is answered by one: the state's word, and an identifier, the key's SHA-256, or
 * the reason.
 */
#include <jansson.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "durable.h"
#include "json.h"
#include "kmip.h"
#include "log.h"

static char *pem(const char *dir, const char *name, const char *end)
{
	char path[512], *text = NULL;
	size_t len;
	struct err err;

	snprintf(path, sizeof(path), "%s/%s%s", dir, name, end);
	if (durable_read(path, 65536, &text, &len, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return NULL;
	}
	return text;
}

static void hash(const uint8_t key[SECRET_KEY_BYTES], char text[65])
{
	uint8_t sum[32];

	SHA256(key, SECRET_KEY_BYTES, sum);
	for (int i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", sum[i]);
}

static void line(struct kmip *k, char *text)
{
	char *argument = strchr(text, ' '), said[KMIP_ID_MAX + 200] = "";
	uint8_t key[SECRET_KEY_BYTES];
	enum key_state state = KEY_FAILED;
	struct err err = {.text = "no such command"};

	text[strcspn(text, "\n")] = '\0';
	if (argument)
		*argument++ = '\0';
	if (strcmp(text, "check") == 0)
		state = kmip_check(k, said, sizeof(said), &err);
	else if (argument && strcmp(text, "create") == 0)
		state = kmip_create(k, argument, said, &err);
	else if (argument && strcmp(text, "destroy") == 0)
		state = kmip_destroy(k, argument, &err);
	else if (argument && strcmp(text, "get") == 0 &&
		 (state = kmip_get(k, argument, key, &err)) == KEY_OK)
		hash(key, said);
	printf("%s %s\n", key_state_word(state), state == KEY_OK ? said : err.text);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct kmip_cfg cfg = {.stop_fd = -1, .server_name = ""};
	cleanup_json json_t *allowed = json_array();
	cleanup_free char *ca = NULL, *certificate = NULL, *key = NULL;
	const char *client = getenv("KMIP_CLIENT");
	char text[1000], *rest = NULL, *server;
	struct kmip *k;
	struct err err;

	if (argc != 5)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	log_open("kmip_sh", LOG_LEVEL_INFO);
	cfg.egress_socket = argv[1];
	cfg.ca_pem = ca = pem(argv[2], "ca", ".pem");
	cfg.certificate_pem = certificate = pem(argv[2], client ? client : "client", ".pem");
	cfg.key_pem = key = pem(argv[2], client ? client : "client", ".key");
	cfg.timeout_ms = (uint32_t)strtoul(argv[4], NULL, 10);
	for (server = strtok_r(argv[3], ",", &rest); server && cfg.server_count < KMIP_SERVERS_MAX;
	     server = strtok_r(NULL, ",", &rest)) {
		snprintf(text, sizeof(text), "kmip://%s", server);
		json_array_append_new(allowed, json_string(text));
		cfg.servers[cfg.server_count++] = server;
	}
	if (!ca || !certificate || !key || kmip_open(&cfg, &k, &err) < 0)
		return 1;
	kmip_allow(k, allowed);
	while (fgets(text, sizeof(text), stdin))
		line(k, text);
	kmip_close(k);
	return 0;
}
