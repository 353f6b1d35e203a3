# Asterisk with this project's dialplan, configuration and announcements.
#   docker build -f docker/asterisk.Dockerfile -t polri110-asterisk .

# --- the announcements, spoken from asterisk-config/prompts/id.txt -----------------------------
FROM debian:forky-slim AS prompts
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
    && apt-get install -y --no-install-recommends espeak-ng python3 sox \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY ari_app/__init__.py ari_app/prompts.py ari_app/
COPY asterisk-config/prompts asterisk-config/prompts
RUN python3 -c 'import pathlib, subprocess; from ari_app.prompts import build; \
    run = lambda line, data: subprocess.run(line, input=data, stdout=-1, check=True).stdout; \
    print(*build(pathlib.Path("/sounds"), run), sep="\n")'

# --- Asterisk ----------------------------------------------------------------------------------
FROM debian:forky-slim
ARG DEBIAN_FRONTEND=noninteractive
# Fixed ids: Asterisk and the application share the spool directory, so the group is the same in
# both images. 22.10.1 is the first release with the fix of GHSA-wcvv-g26m-wx5c.
RUN groupadd --gid 11000 polri110 \
    && useradd --uid 11001 --gid polri110 --no-create-home --home-dir /var/lib/asterisk \
        --shell /usr/sbin/nologin asterisk \
    && apt-get update \
    && apt-get install -y --no-install-recommends asterisk ca-certificates \
    && dpkg --compare-versions "$(dpkg-query -W -f '${Version}' asterisk)" ge 1:22.10.1 \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /etc/asterisk /var/spool/asterisk \
        /var/log/asterisk /var/log/*.log /var/log/apt \
    && install -d -o asterisk -g polri110 -m 2770 /var/spool/asterisk \
        /var/spool/asterisk/recording /var/spool/asterisk/polri110 \
        /var/spool/asterisk/polri110/stories \
    && install -d -o asterisk -g polri110 -m 0750 /run/asterisk /var/lib/asterisk \
        /var/log/asterisk /var/log/asterisk/cdr-custom /var/log/asterisk/cel-custom \
    && install -d -o 11002 -g polri110 -m 2750 /etc/asterisk \
    && install -d -o 11002 -g polri110 -m 2755 /etc/asterisk/dialplan
COPY --from=prompts /sounds/polri110 /usr/share/asterisk/sounds/polri110
# As far as it is the same on every node; `polri110 asterisk render` writes the whole of it, with
# the site's part, into the volume that is mounted here.
COPY --chown=11002:11000 asterisk-config/*.conf /etc/asterisk/
COPY --chown=11002:11000 dialplan/*.conf /etc/asterisk/dialplan/
COPY docker/bin/asterisk-health /usr/local/bin/
USER asterisk
CMD ["asterisk", "-f", "-n", "-C", "/etc/asterisk/asterisk.conf"]
