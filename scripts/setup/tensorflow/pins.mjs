// Where libtensorflow comes from on each platform, and the SHA-256 it must have.

export const PLATFORM = `${process.platform}-${process.arch}`;

/**
 * The archives that the install script of @tensorflow/tfjs-node 4.22.0 names. Their checksums are published, for the
 * same addresses, in nixpkgs (immich, nextcloud recognize) and in other projects' build files.
 */
export const OFFICIAL = {
  'linux-x64': {
    version: '2.9.1', path: 'tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz',
    sha256: '7f510d2546e3db5e10b1d119463689003d587842892ad3c95bca51cf82820173',
  },
  'linux-arm64': {
    version: '2.7', path: 'tf-builds/libtensorflow_r2_7_linux_arm64.tar.gz',
    sha256: '9395d1ff39f5b6847f5121e679ff4e599dc7061a2a7f87ceac061c78e908e6e3',
  },
  'darwin-x64': {
    version: '2.9.1', path: 'tensorflow/libtensorflow/libtensorflow-cpu-darwin-x86_64-2.9.1.tar.gz',
    sha256: '56f83d3320ba0f69aaafd6c058645e1b7fbc75fb9a3fc36d6be98de1291ca226',
  },
  'darwin-arm64': {
    version: '2.7', path: 'tf-builds/libtensorflow_r2_7_darwin_arm64_cpu.tar.gz',
    sha256: '13ab22b97e2af06e431aaeb7b42fb89981965dd01aa16da035d8210aa4183d79',
  },
};

/** Wheels of the Python package index; 2.13.1 is the smallest with a libtensorflow_cc, and no slower than later ones. */
export const WHEELS = {
  'linux-x64': {
    version: '2.13.1', requirement: 'tensorflow-cpu==2.13.1', platform: 'manylinux_2_17_x86_64', megabytes: 184,
    sha256: '87be6e61314b2c0fa062f71e26e41d6a17e162ffe4da72c820fe8f1fc94d97fe',
  },
  'linux-arm64': {
    version: '2.13.1', requirement: 'tensorflow-cpu-aws==2.13.1', platform: 'manylinux_2_17_aarch64', megabytes: 249,
    sha256: '583d982a420df1b9735392a38125785da1dd89e6cd2b3524a831279aad890ff0',
  },
};

/**
 * TensorFlow for NVIDIA GPUs and the CUDA libraries that its extra `and-cuda` names. 2.18.1 is built for CUDA 12.5 and
 * cuDNN 9.3, and runs on the CPU where there is no GPU. The checksums are those of the package index.
 */
export const GPU = {
  'linux-x64': {
    version: '2.18.1', gigabytes: 8, brings: { cuda: '12.5.82', cudnn: '9.3.0.75' },
    wheels: [
      { requirement: 'tensorflow==2.18.1', platform: 'manylinux2014_x86_64', megabytes: 616, sha256: 'c9f87e5d2a680a4595f5dc30daf6bbaec9d4129b46d7ef1b2af63c46ac7d2828' },
      { requirement: 'nvidia-cublas-cu12==12.5.3.2', platform: 'manylinux2014_x86_64', megabytes: 363, sha256: 'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b' },
      { requirement: 'nvidia-cuda-cupti-cu12==12.5.82', platform: 'manylinux2014_x86_64', megabytes: 14, sha256: 'bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953' },
      { requirement: 'nvidia-cuda-nvcc-cu12==12.5.82', platform: 'manylinux2014_x86_64', megabytes: 22, sha256: 'b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0' },
      { requirement: 'nvidia-cuda-nvrtc-cu12==12.5.82', platform: 'manylinux2014_x86_64', megabytes: 25, sha256: '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd' },
      { requirement: 'nvidia-cuda-runtime-cu12==12.5.82', platform: 'manylinux2014_x86_64', megabytes: 1, sha256: '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115' },
      { requirement: 'nvidia-cudnn-cu12==9.3.0.75', platform: 'manylinux2014_x86_64', megabytes: 577, sha256: '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d' },
      { requirement: 'nvidia-cufft-cu12==11.2.3.61', platform: 'manylinux2014_x86_64', megabytes: 193, sha256: '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8' },
      { requirement: 'nvidia-curand-cu12==10.3.6.82', platform: 'manylinux2014_x86_64', megabytes: 56, sha256: '2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536' },
      { requirement: 'nvidia-cusolver-cu12==11.6.3.83', platform: 'manylinux2014_x86_64', megabytes: 130, sha256: '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b' },
      { requirement: 'nvidia-cusparse-cu12==12.5.1.3', platform: 'manylinux2014_x86_64', megabytes: 218, sha256: '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752' },
      { requirement: 'nvidia-nccl-cu12==2.21.5', platform: 'manylinux2014_x86_64', megabytes: 189, sha256: '8579076d30a8c24988834445f8d633c697d42397e92ffc3f63fa26766d25e0a0' },
      { requirement: 'nvidia-nvjitlink-cu12==12.5.82', platform: 'manylinux2014_x86_64', megabytes: 21, sha256: 'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212' },
    ],
  },
};
