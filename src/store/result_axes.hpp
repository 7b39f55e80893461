#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/calibration.hpp"
#include "measure/run_record.hpp"
#include "store/dataset_writer.hpp"

namespace epsim {

/// The dimension scales of a result file, in /axes. A group that uses one has a hard link to it,
/// since readers look for scales among the siblings of an array.
class ResultAxes {
public:
    /// Write /axes of a record.
    ResultAxes(hid_t file, RunRecord const& record);
    /// The same of a calibration: rank, node, size, source, destination.
    ResultAxes(hid_t file, Calibration const& calibration);

    hsize_t extent(std::string const& axis) const;
    hdf5::Extents extents(std::vector<char const*> const& axes) const;
    /// Link the axes into `group` and attach them to its `dataset`, one a dimension.
    void attach(hid_t group, hid_t dataset, std::vector<char const*> const& axes) const;

private:
    template <class T>
    void number(char const* name, std::vector<T> const& labels, char const* long_name);
    void count(char const* name, std::size_t size, char const* long_name);
    void text(char const* name, std::vector<std::string> const& labels, char const* long_name);
    void add(char const* name, hdf5::Hid scale, std::size_t size, char const* long_name);

    hdf5::Hid group_;
    struct Scale {
        hdf5::Hid dataset;
        hsize_t size;
    };
    std::map<std::string, Scale> scales_;
};

}  // namespace epsim
