# The application: `polri110 serve`, `polri110 agi` and every other command of `polri110`.
#   docker build -f docker/app.Dockerfile -t polri110-app .
#
# With a package index of one's own: --secret id=pip,src=pip.conf, and where its certificate is
# signed by an authority of one's own, --secret id=ca,src=ca.crt and cert=/run/secrets/ca in pip.conf.

# --- the locked dependencies, each checked against its hash ------------------------------------
FROM debian:trixie-slim AS dependencies
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.lock /
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: \
        -r /requirements.lock \
    && /opt/venv/bin/pip uninstall -q -y pip

# --- the application's own files (.dockerignore says which), compiled once ----------------------
FROM dependencies AS files
COPY . /opt/polri110/
RUN python3 -m compileall -q /opt/polri110

# --- the application ---------------------------------------------------------------------------
FROM debian:trixie-slim
ARG DEBIAN_FRONTEND=noninteractive
# The ids are those of asterisk.Dockerfile: both write to Asterisk's spool directory.
RUN groupadd --gid 11000 polri110 \
    && useradd --uid 11002 --gid polri110 --no-create-home --home-dir /var/lib/polri110 \
        --shell /usr/sbin/nologin polri110 \
    && apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*.log /var/log/apt \
    && install -d -o 11001 -g polri110 -m 2770 /var/spool/asterisk \
        /var/spool/asterisk/recording /var/spool/asterisk/polri110 \
        /var/spool/asterisk/polri110/stories \
    && install -d -o polri110 -g polri110 -m 0750 /var/lib/polri110 \
    && install -d -o polri110 -g polri110 -m 2750 /etc/asterisk
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=files /opt/polri110 /opt/polri110
ENV PATH=/opt/polri110/docker/bin:/opt/venv/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/polri110 \
    PYTHONUNBUFFERED=1 \
    POLRI110_DATA_DIR=/var/lib/polri110
WORKDIR /var/lib/polri110
USER polri110
ENTRYPOINT ["polri110"]
CMD ["serve"]
