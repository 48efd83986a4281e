"""An application as people have them: a base given by arguments, lists of packages for apt, mamba and pip."""

DOCKERFILE = r"""ARG BASE_REGISTORY
ARG BASE_NAMESPACE
ARG BASE_IMAGE
ARG BASE_TAG
FROM ${BASE_REGISTORY}/${BASE_NAMESPACE}/${BASE_IMAGE}:${BASE_TAG}

USER root

RUN apt-get update --yes \
    && apt-get install --yes --no-install-recommends \
    # build-essential \
    wget \
    # - tmux keeps sessions
    #   after a lost connection
    tmux \
    # git \
    zip \
    && apt-get clean && rm -rf /var/lib/apt/lists/*

# packages of conda
RUN mamba install --yes \
    'jupyter-server-proxy' \
    'nodejs' && \
    mamba clean --all -f -y && \
    fix-permissions "${CONDA_DIR}"

COPY requirements.txt noop.txt /tmp/pip-tmp/
RUN if [ -f "/tmp/pip-tmp/requirements.txt" ]; then pip3 --no-cache-dir install -r /tmp/pip-tmp/requirements.txt; fi \
   && rm -rf /tmp/pip-tmp

USER ${NB_UID}
"""

REQUIREMENTS = """# newer ones need another driver
torch==2.2.1

--index-url https://pypi.example.com/simple
mpi4py==3.1.6
# icetk
git+https://git.example.com/peft

"""

FILES = {"Dockerfile": DOCKERFILE, "noop.txt": "", "requirements.txt": REQUIREMENTS}

BASE = {
    "base_registry": "quay.io",
    "base_namespace": "jupyter",
    "base_image": "scipy-notebook",
    "base_tag": "python-3.11",
}
