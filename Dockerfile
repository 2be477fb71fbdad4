# One image for web, worker and beat. What it installs is locked with hashes.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.lock /tmp/requirements.lock
RUN pip install --no-compile --require-hashes --requirement /tmp/requirements.lock
COPY . /srv/llmfao
WORKDIR /srv/llmfao
# The settings want a folder for data and make a key in it; both stay behind in this stage.
RUN python locale/compile.py \
    && LLMFAO_DATA=/tmp/data python manage.py collectstatic --noinput \
    && python -m compileall -q -j 0 -x '/tests?/' /opt/venv/lib /srv/llmfao

FROM python:3.13-slim
RUN groupadd --system --gid 10001 llmfao \
    && useradd --system --uid 10001 --gid llmfao --no-create-home --home-dir /nonexistent llmfao \
    && install --directory --owner llmfao --group llmfao --mode 0700 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/llmfao /srv/llmfao
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LLMFAO_DATA=/data \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /srv/llmfao
USER 10001:10001
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "llmfao_site.wsgi"]
