import type { CoefficientSet } from './coefficient-set.js'

/**
 * Written by `npm run fit`; do not edit. Fitted to the operator tables of NVIDIA AIConfigurator (repository ai-dynamo/aiconfigurator,
 * Apache-2.0, as of August 2026), 16-bit, by chip and vLLM release of the kernels; a chip's first release is its default.
 */
export const coefficients = {
  'h100-sxm': {
    '0.19': {
      errors: {
        gemm: {
          training: {
            release: '0.19.0',
            rows: 29674,
            medianPercent: 4.8,
            p90Percent: 13.5,
            biasPercent: 0.2
          },
          leftOut: {
            release: '0.19.0',
            rows: 6068,
            medianPercent: 4.9,
            p90Percent: 13.3,
            biasPercent: -0.4
          }
        },
        decode: {
          training: {
            release: '0.19.0',
            rows: 8414,
            medianPercent: 5,
            p90Percent: 18.6,
            biasPercent: 0
          },
          leftOut: {
            release: '0.19.0',
            rows: 2850,
            medianPercent: 5.2,
            p90Percent: 17.5,
            biasPercent: -0.2
          }
        },
        prefill: {
          training: {
            release: '0.19.0',
            rows: 7098,
            medianPercent: 5.8,
            p90Percent: 22.7,
            biasPercent: 0.4
          },
          leftOut: {
            release: '0.19.0',
            rows: 2230,
            medianPercent: 5.9,
            p90Percent: 28.6,
            biasPercent: 0.9
          }
        },
        moe: {
          training: {
            release: '0.19.0',
            rows: 3075,
            medianPercent: 4.1,
            p90Percent: 14.8,
            biasPercent: 0
          },
          leftOut: {
            release: '0.19.0',
            rows: 732,
            medianPercent: 4,
            p90Percent: 13.8,
            biasPercent: 0.8
          }
        }
      },
      gemm: {
        launchUs: 1.326,
        bandwidthShare: 0.857,
        fillUs: 1.455,
        l2BytesPerUs: 2629000,
        computeShare: 0.8305,
        operandBytesPerUs: 128100,
        tileUs: 1.473,
        splitUs: 3.233,
        waveOverlap: 1
      },
      decode: {
        launchUs: 5.826,
        packUs: 0.1387,
        combineUs: 1.635,
        combinePerSplitUs: 0.0505,
        blockUs: 2.008,
        tokenNs: 16.79,
        bandwidthShare: 0.9276
      },
      prefill: {
        launchUs: 9.261,
        sequenceUs: 6.383e-10,
        blockUs: 7.423e-9,
        computeShare: 0.8117,
        softmaxPs: 58.6,
        tailShare: 0.1116,
        bandwidthShare: 0.7219
      },
      moe: {
        launchUs: 22.4,
        sortUs: 1.136,
        bandwidthShare: 0.9674,
        computeShare: 0.585,
        operandBytesPerUs: 58080,
        tileUs: 0.1,
        activationShare: 1.251
      }
    },
    '0.24': {
      errors: {
        gemm: {
          training: {
            release: '0.24.0',
            rows: 29674,
            medianPercent: 4.9,
            p90Percent: 13.7,
            biasPercent: 0
          },
          leftOut: {
            release: '0.24.0',
            rows: 6068,
            medianPercent: 4.9,
            p90Percent: 14,
            biasPercent: -0.2
          }
        },
        decode: {
          training: {
            release: '0.24.0',
            rows: 9389,
            medianPercent: 5.1,
            p90Percent: 16.8,
            biasPercent: 0
          },
          leftOut: {
            release: '0.24.0',
            rows: 3544,
            medianPercent: 5.3,
            p90Percent: 16.4,
            biasPercent: -0.4
          }
        },
        prefill: {
          training: {
            release: '0.24.0',
            rows: 7428,
            medianPercent: 7,
            p90Percent: 27.9,
            biasPercent: 0
          },
          leftOut: {
            release: '0.24.0',
            rows: 2560,
            medianPercent: 6,
            p90Percent: 30.6,
            biasPercent: 0.7
          }
        },
        moe: {
          training: {
            release: '0.24.0',
            rows: 4197,
            medianPercent: 5.1,
            p90Percent: 18.4,
            biasPercent: 0.2
          },
          leftOut: {
            release: '0.24.0',
            rows: 1048,
            medianPercent: 5.7,
            p90Percent: 18.7,
            biasPercent: 1.5
          }
        }
      },
      gemm: {
        launchUs: 1.18,
        bandwidthShare: 0.8847,
        fillUs: 1.571,
        l2BytesPerUs: 2621000,
        computeShare: 0.8541,
        operandBytesPerUs: 126600,
        tileUs: 1.625,
        splitUs: 2.811,
        waveOverlap: 1
      },
      decode: {
        launchUs: 7.747,
        packUs: 0.1517,
        combineUs: 1.689,
        combinePerSplitUs: 0.0497,
        blockUs: 2.003,
        tokenNs: 17.37,
        bandwidthShare: 0.97
      },
      prefill: {
        launchUs: 11.47,
        sequenceUs: 4.224e-11,
        blockUs: 2.031e-10,
        computeShare: 0.7367,
        softmaxPs: 57.53,
        tailShare: 0.1779,
        bandwidthShare: 0.445
      },
      moe: {
        launchUs: 31.08,
        sortUs: 1.074,
        bandwidthShare: 0.97,
        computeShare: 0.6405,
        operandBytesPerUs: 57800,
        tileUs: 0.1,
        activationShare: 1.614
      }
    }
  },
  'h200-sxm': {
    '0.19': {
      errors: {
        gemm: {
          training: {
            release: '0.19.0',
            rows: 29674,
            medianPercent: 5.9,
            p90Percent: 15.2,
            biasPercent: 0.1
          },
          leftOut: {
            release: '0.19.0',
            rows: 6068,
            medianPercent: 5.9,
            p90Percent: 14.8,
            biasPercent: -0.2
          }
        },
        decode: {
          training: {
            release: '0.19.0',
            rows: 3799,
            medianPercent: 7.2,
            p90Percent: 26.2,
            biasPercent: 0.1
          },
          leftOut: {
            release: '0.19.0',
            rows: 1636,
            medianPercent: 7.6,
            p90Percent: 26.4,
            biasPercent: -0.8
          }
        },
        prefill: {
          training: {
            release: '0.19.0',
            rows: 7098,
            medianPercent: 5.8,
            p90Percent: 22.7,
            biasPercent: 0.4
          },
          leftOut: {
            release: '0.19.0',
            rows: 2230,
            medianPercent: 5.9,
            p90Percent: 28.6,
            biasPercent: 0.9
          }
        },
        moe: {
          training: {
            release: '0.19.0',
            rows: 3075,
            medianPercent: 5.9,
            p90Percent: 16.9,
            biasPercent: 0.4
          },
          leftOut: {
            release: '0.19.0',
            rows: 732,
            medianPercent: 6,
            p90Percent: 16.3,
            biasPercent: 1.3
          }
        }
      },
      gemm: {
        launchUs: 1.345,
        bandwidthShare: 0.8437,
        fillUs: 1.53,
        l2BytesPerUs: 3048000,
        computeShare: 0.7947,
        operandBytesPerUs: 139400,
        tileUs: 1.452,
        splitUs: 3.21,
        waveOverlap: 1
      },
      decode: {
        launchUs: 6.031,
        packUs: 0.4107,
        combineUs: 1.56,
        combinePerSplitUs: 0.136,
        blockUs: 1.908,
        tokenNs: 15.89,
        bandwidthShare: 0.97
      },
      prefill: {
        launchUs: 9.261,
        sequenceUs: 6.383e-10,
        blockUs: 7.423e-9,
        computeShare: 0.8117,
        softmaxPs: 58.6,
        tailShare: 0.1116,
        bandwidthShare: 0.7219
      },
      moe: {
        launchUs: 26.28,
        sortUs: 0.4764,
        bandwidthShare: 0.97,
        computeShare: 0.6226,
        operandBytesPerUs: 76500,
        tileUs: 0.3728,
        activationShare: 1.799
      }
    },
    '0.24': {
      errors: {
        gemm: {
          training: {
            release: '0.24.0',
            rows: 29674,
            medianPercent: 5.2,
            p90Percent: 13.9,
            biasPercent: 0.1
          },
          leftOut: {
            release: '0.24.0',
            rows: 6068,
            medianPercent: 4.9,
            p90Percent: 13.4,
            biasPercent: -0.3
          }
        },
        decode: {
          training: {
            release: '0.24.0',
            rows: 9389,
            medianPercent: 5.6,
            p90Percent: 17.2,
            biasPercent: 0
          },
          leftOut: {
            release: '0.24.0',
            rows: 3544,
            medianPercent: 5.7,
            p90Percent: 16.5,
            biasPercent: -0.5
          }
        },
        prefill: {
          training: {
            release: '0.24.0',
            rows: 7428,
            medianPercent: 6.5,
            p90Percent: 27.7,
            biasPercent: -0.1
          },
          leftOut: {
            release: '0.24.0',
            rows: 2560,
            medianPercent: 5.7,
            p90Percent: 30,
            biasPercent: 0.4
          }
        },
        moe: {
          training: {
            release: '0.24.0',
            rows: 4224,
            medianPercent: 6.3,
            p90Percent: 20.1,
            biasPercent: 0.4
          },
          leftOut: {
            release: '0.24.0',
            rows: 1048,
            medianPercent: 6.4,
            p90Percent: 21.2,
            biasPercent: 0.7
          }
        }
      },
      gemm: {
        launchUs: 1.219,
        bandwidthShare: 0.8533,
        fillUs: 1.658,
        l2BytesPerUs: 3181000,
        computeShare: 0.8452,
        operandBytesPerUs: 141700,
        tileUs: 1.611,
        splitUs: 2.759,
        waveOverlap: 1
      },
      decode: {
        launchUs: 7.401,
        packUs: 0.224,
        combineUs: 1.811,
        combinePerSplitUs: 0.05449,
        blockUs: 2.413,
        tokenNs: 14.23,
        bandwidthShare: 0.97
      },
      prefill: {
        launchUs: 11.4,
        sequenceUs: 8.235e-11,
        blockUs: 5.784e-10,
        computeShare: 0.7314,
        softmaxPs: 60.02,
        tailShare: 0.1405,
        bandwidthShare: 0.3388
      },
      moe: {
        launchUs: 33.55,
        sortUs: 0.96,
        bandwidthShare: 0.97,
        computeShare: 0.7133,
        operandBytesPerUs: 81370,
        tileUs: 0.1,
        activationShare: 2.132
      }
    }
  },
  'a100-80-sxm': {
    '0.14': {
      errors: {
        gemm: {
          training: {
            release: '0.14.0',
            rows: 7644,
            medianPercent: 5.9,
            p90Percent: 19.7,
            biasPercent: 0.1
          },
          leftOut: {
            release: '0.14.0',
            rows: 1596,
            medianPercent: 5.6,
            p90Percent: 19.2,
            biasPercent: -0.2
          }
        },
        decode: {
          training: {
            release: '0.14.0',
            rows: 3795,
            medianPercent: 4.8,
            p90Percent: 17,
            biasPercent: 0
          },
          leftOut: {
            release: '0.14.0',
            rows: 1636,
            medianPercent: 5.7,
            p90Percent: 18.4,
            biasPercent: 0.6
          }
        },
        prefill: {
          training: {
            release: '0.14.0',
            rows: 3298,
            medianPercent: 4.7,
            p90Percent: 18.4,
            biasPercent: 0
          },
          leftOut: {
            release: '0.14.0',
            rows: 1366,
            medianPercent: 4.1,
            p90Percent: 19.8,
            biasPercent: 0.3
          }
        },
        moe: {
          training: {
            release: '0.14.0',
            rows: 516,
            medianPercent: 12,
            p90Percent: 40.2,
            biasPercent: 0
          },
          leftOut: {
            release: '0.14.0',
            rows: 111,
            medianPercent: 12.4,
            p90Percent: 25,
            biasPercent: -3.2
          }
        }
      },
      gemm: {
        launchUs: 0.5001,
        bandwidthShare: 0.7443,
        fillUs: 3.406,
        l2BytesPerUs: 1181000,
        computeShare: 0.9244,
        operandBytesPerUs: 54350,
        tileUs: 3.514,
        splitUs: 1.806,
        waveOverlap: 0.0000127
      },
      decode: {
        launchUs: 8.472,
        packUs: 6.571,
        combineUs: 5.537,
        combinePerSplitUs: 0.2228,
        blockUs: 1.205,
        tokenNs: 24.11,
        bandwidthShare: 0.7881
      },
      prefill: {
        launchUs: 8.353,
        sequenceUs: 0.08526,
        blockUs: 1.057e-9,
        computeShare: 0.6542,
        softmaxPs: 219.5,
        tailShare: 0.4488,
        bandwidthShare: 0.5641
      },
      moe: {
        launchUs: 17.5,
        sortUs: 3.801e-8,
        bandwidthShare: 0.7074,
        computeShare: 0.405,
        operandBytesPerUs: 28590,
        tileUs: 0.1,
        activationShare: 0.8573
      }
    }
  },
  l40s: {
    '0.24': {
      errors: {
        gemm: {
          training: {
            release: '0.24.0',
            rows: 29611,
            medianPercent: 8.5,
            p90Percent: 22.5,
            biasPercent: 0.2
          },
          leftOut: {
            release: '0.24.0',
            rows: 6061,
            medianPercent: 7.9,
            p90Percent: 21,
            biasPercent: 0.3
          }
        },
        decode: {
          training: {
            release: '0.24.0',
            rows: 9389,
            medianPercent: 4.2,
            p90Percent: 11.3,
            biasPercent: 0
          },
          leftOut: {
            release: '0.24.0',
            rows: 3544,
            medianPercent: 5.1,
            p90Percent: 14.9,
            biasPercent: 1.3
          }
        },
        prefill: {
          training: {
            release: '0.24.0',
            rows: 7410,
            medianPercent: 7.6,
            p90Percent: 23.7,
            biasPercent: 0.1
          },
          leftOut: {
            release: '0.24.0',
            rows: 2560,
            medianPercent: 7.5,
            p90Percent: 24.8,
            biasPercent: 2.2
          }
        },
        moe: {
          training: {
            release: '0.24.0',
            rows: 4167,
            medianPercent: 4.7,
            p90Percent: 18.6,
            biasPercent: 0
          },
          leftOut: {
            release: '0.24.0',
            rows: 1048,
            medianPercent: 5.7,
            p90Percent: 25.5,
            biasPercent: 1
          }
        }
      },
      gemm: {
        launchUs: 0.5148,
        bandwidthShare: 0.7709,
        fillUs: 0.1007,
        l2BytesPerUs: 1715000,
        computeShare: 0.6369,
        operandBytesPerUs: 50410,
        tileUs: 1.797,
        splitUs: 1.936,
        waveOverlap: 0.6399
      },
      decode: {
        launchUs: 4.779,
        packUs: 3.755,
        combineUs: 3.49,
        combinePerSplitUs: 0.1432,
        blockUs: 1.56,
        tokenNs: 22.48,
        bandwidthShare: 0.7864
      },
      prefill: {
        launchUs: 3.779,
        sequenceUs: 0.03028,
        blockUs: 3.668,
        computeShare: 0.6181,
        softmaxPs: 170.9,
        tailShare: 0.6148,
        bandwidthShare: 0.97
      },
      moe: {
        launchUs: 18.96,
        sortUs: 3.129e-7,
        bandwidthShare: 0.7811,
        computeShare: 0.7389,
        operandBytesPerUs: 52390,
        tileUs: 0.1,
        activationShare: 1.331
      }
    }
  },
  'rtx-pro-6000': {
    '0.24': {
      errors: {
        gemm: {
          training: {
            release: '0.24.0',
            rows: 29674,
            medianPercent: 5.6,
            p90Percent: 19.4,
            biasPercent: -0.2
          },
          leftOut: {
            release: '0.24.0',
            rows: 6068,
            medianPercent: 5.5,
            p90Percent: 18.9,
            biasPercent: -0.2
          }
        },
        decode: {
          training: {
            release: '0.24.0',
            rows: 9384,
            medianPercent: 4.1,
            p90Percent: 13.3,
            biasPercent: 0
          },
          leftOut: {
            release: '0.24.0',
            rows: 3544,
            medianPercent: 4.3,
            p90Percent: 12.5,
            biasPercent: 1.2
          }
        },
        prefill: {
          training: {
            release: '0.24.0',
            rows: 7428,
            medianPercent: 4.3,
            p90Percent: 18.8,
            biasPercent: 0.2
          },
          leftOut: {
            release: '0.24.0',
            rows: 2560,
            medianPercent: 4.3,
            p90Percent: 19.6,
            biasPercent: 0.8
          }
        },
        moe: {
          training: {
            release: '0.24.0',
            rows: 4224,
            medianPercent: 4.8,
            p90Percent: 21,
            biasPercent: 0
          },
          leftOut: {
            release: '0.24.0',
            rows: 1048,
            medianPercent: 5,
            p90Percent: 19.8,
            biasPercent: 1
          }
        }
      },
      gemm: {
        launchUs: 0.5,
        bandwidthShare: 0.8266,
        fillUs: 1.069,
        l2BytesPerUs: 2696000,
        computeShare: 0.8991,
        operandBytesPerUs: 51090,
        tileUs: 1.857,
        splitUs: 1.619,
        waveOverlap: 0.00003614
      },
      decode: {
        launchUs: 4.425,
        packUs: 4.477,
        combineUs: 4.111,
        combinePerSplitUs: 0.1746,
        blockUs: 1.944,
        tokenNs: 21.15,
        bandwidthShare: 0.8345
      },
      prefill: {
        launchUs: 4.345,
        sequenceUs: 0.03635,
        blockUs: 3.301,
        computeShare: 0.7036,
        softmaxPs: 125.6,
        tailShare: 0.7992,
        bandwidthShare: 0.97
      },
      moe: {
        launchUs: 5.643,
        sortUs: 0.4194,
        bandwidthShare: 0.896,
        computeShare: 0.372,
        operandBytesPerUs: 20120,
        tileUs: 3.594,
        activationShare: 0.09995
      }
    }
  }
} satisfies Record<string, Record<string, CoefficientSet>>
