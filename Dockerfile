# The commands tap-bigin, target-bigin, bigin and source-bigin, run as a user without rights. Not yet built by anybody.
#
#   docker build --tag bigin-singer .
#   docker run --rm --volume "$PWD:/data" --user "$(id -u)" bigin-singer bigin doctor --config config.json

FROM python:3.13-slim AS build
WORKDIR /source
COPY . .
RUN python -m pip wheel --no-cache-dir --wheel-dir /wheels '.[feed,report]'

FROM python:3.13-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    python -m pip install --no-cache-dir --no-index --find-links /wheels 'bigin-singer[feed,report]' \
    && useradd --create-home --uid 1000 bigin \
    && install --directory --owner bigin --group bigin /data
USER bigin
# Settings, state and logs: a folder of yours. Without one it is bigin's, where WORKDIR alone would make it root's.
WORKDIR /data
CMD ["bigin", "--help"]
